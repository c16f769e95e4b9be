package doors

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/receiver"
)

// A crashingDoor is a process with both doors on a spool.
type crashingDoor struct {
	cmd    *exec.Cmd
	in     io.Closer
	client *house // with the process's address
}

func startCrashingDoor(t *testing.T, k *forwardertest.Kafka, dir string, extra ...string) *crashingDoor {
	t.Helper()
	s := k.Settings()
	p := &crashingDoor{cmd: exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestCrashingDoor$")} //nolint:gosec // this program
	p.cmd.Env = append(os.Environ(), crashVariable+"=1",
		"EVENTFERRY_BOOTSTRAP_SERVERS="+s.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME="+s.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD="+string(s.AuthenticationMethod),
		"EVENTFERRY_USER_NAME="+s.UserName,
		"EVENTFERRY_PASSWORD="+s.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE="+s.TLS.CAFile,
		"EVENTFERRY_SPOOL_DIR="+dir,
		"EVENTFERRY_SPOOL_MAX_BYTES=8388608",
	)
	p.cmd.Env = append(p.cmd.Env, extra...)
	p.cmd.Stderr = t.Output()
	in, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	p.in = in
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			transport := &http.Transport{DisableKeepAlives: true}
			p.client = &house{url: "http://" + addr, client: &http.Client{Transport: transport}}
			return p
		}
	}
	require.Fail(t, "it does not listen", "%v", p.cmd.Wait())
	return nil
}

// end has the process drain and waits for it.
func (p *crashingDoor) end(t *testing.T) {
	t.Helper()
	require.NoError(t, p.in.Close())
	require.NoError(t, p.cmd.Wait())
}

// A process dies between the sync of a batch and its answer, and the sender posts
// again: that is answered 2xx, and the batch is in Kafka once. Another body under the
// same id is a batch of its own.
func TestDoors_crashBeforeTheAnswer(t *testing.T) {
	assert.Equal(t, []string{"1", "2", "3", "4"}, usersAfterCrashes(t))
}

// The same with a process that does not store ids: each is in Kafka twice.
func TestDoors_crashBeforeTheAnswer_noticesForgetfulDoors(t *testing.T) {
	assert.Equal(t, []string{"1", "1", "2", "3", "3", "4"}, usersAfterCrashes(t, forgetfulVariable+"=1"))
}

// usersAfterCrashes posts one batch for each user, two of which kill the process, and
// returns the users of the messages in Kafka.
func usersAfterCrashes(t *testing.T, extra ...string) (users []string) {
	t.Helper()
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	const hook = `{"mpid":%d,"message_id":"m-1","text":%q,"events":[{"event_type":"custom_event","data":{}}]}`
	const event = `{"mpid":%d,"source_request_id":%q,"events":[{"event_type":"custom_event","data":{"custom_attributes":{"a":%q}}}]}`
	posts := map[string]func(*crashingDoor) int{
		"webhook": func(p *crashingDoor) int { return p.client.hook(t.Context(), fmt.Sprintf(hook, 1, deadly)) },
		"events": func(p *crashingDoor) int {
			status, _ := p.client.sdk(t.Context(), "/v2/events", fmt.Sprintf(event, 3, "r-1", deadly))
			return status
		},
	}
	for name, post := range posts {
		p := startCrashingDoor(t, k, dir, extra...)
		assert.Zero(t, post(p), "%s: there was an answer", name)
		require.Error(t, p.cmd.Wait(), "it was killed")
	}
	p := startCrashingDoor(t, k, dir, extra...)
	if len(extra) > 0 { // it does not know them, and dies once more
		for _, post := range posts {
			assert.Zero(t, post(p))
			require.Error(t, p.cmd.Wait())
			p = startCrashingDoor(t, k, dir, extra...)
		}
	} else {
		assert.Equal(t, http.StatusOK, posts["webhook"](p))
		assert.Equal(t, http.StatusAccepted, posts["events"](p))
	}
	assert.Equal(t, http.StatusOK, p.client.hook(t.Context(), fmt.Sprintf(hook, 2, "harmless")), receiver.WebhookPath)
	status, text := p.client.sdk(t.Context(), "/v2/events", fmt.Sprintf(event, 4, "r-2", "harmless"))
	assert.Equal(t, http.StatusAccepted, status, text)
	p.end(t)
	for _, m := range k.Messages(t, "events") {
		users = append(users, forwardertest.Member("mpid")(m))
	}
	slices.Sort(users)
	return users
}
