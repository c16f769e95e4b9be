package doors

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// services are the lives of a service that is killed again and again. Its clients
// stay, and post again what got no answer.
type services struct {
	house *house // with a client, and without a server of its own
	env   []string
	mu    sync.Mutex // guards the address
	url   string
	cmd   *exec.Cmd
	in    io.WriteCloser
	log   bytes.Buffer
}

func newServices(t *testing.T, extra ...string) *services {
	t.Helper()
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	t.Cleanup(transport.CloseIdleConnections)
	v := &services{house: &house{kafka: k, client: &http.Client{Transport: transport}}}
	quarantine := t.TempDir()
	v.house.keeps = func(body string) bool {
		_, err := os.Stat(quarantineFile(quarantine, body))
		return err == nil
	}
	v.house.where = func() string { v.mu.Lock(); defer v.mu.Unlock(); return v.url }
	v.env = append(os.Environ(),
		"EVENTFERRY_BOOTSTRAP_SERVERS="+s.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME="+s.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD="+string(s.AuthenticationMethod),
		"EVENTFERRY_USER_NAME="+s.UserName,
		"EVENTFERRY_PASSWORD="+s.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE="+s.TLS.CAFile,
		serviceVariable+"="+t.TempDir(), serviceQuarantine+"="+quarantine,
	)
	v.env = append(v.env, extra...)
	return v
}

// start starts the next life and returns once it serves.
func (v *services) start(t *testing.T) {
	t.Helper()
	v.cmd = exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this program
	v.cmd.Env, v.cmd.Stderr = v.env, &v.log
	var err error
	v.in, err = v.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := v.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, v.cmd.Start())
	address, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "%s", &v.log)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.url = "http://" + strings.TrimSpace(address)
}

func (v *services) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, v.cmd.Process.Kill())
	require.ErrorContains(t, v.cmd.Wait(), "signal: killed", "%s", &v.log)
}

// drain has the last life bring all to Kafka.
func (v *services) drain(t *testing.T) {
	t.Helper()
	require.NoError(t, v.in.Close())
	require.NoError(t, v.cmd.Wait(), "%s", &v.log)
}

// kills lets the service be killed under load, so many times, and Kafka be away for
// some of them.
func (v *services) kills(t *testing.T, m *mParticle, n int) {
	t.Helper()
	v.start(t)
	m.load(t, func() {
		var away *forwardertest.Fault
		for i := range n {
			switch i {
			case n / 3:
				away = v.house.kafka.Unreachable()
			case 2 * n / 3:
				away.Stop()
			}
			before := m.answered(http.StatusOK)
			eventually(t, func() bool { return m.answered(http.StatusOK) >= before+30 }, "batches are accepted")
			<-time.After(time.Duration(rand.IntN(100)) * time.Millisecond) // anywhere in a post
			v.kill(t)
			v.start(t)
		}
	})
	v.drain(t)
}

// A service behind the webhook is killed in a loop. What it answered 2xx is in Kafka
// once, also what came again because the answer was lost, and what it refused is in
// quarantine.
func TestWebhook_killedInALoop(t *testing.T) {
	v := newServices(t)
	m := &mParticle{house: v.house, ids: true}
	n := 30
	if testing.Short() {
		n = 6
	}
	v.kills(t, m, n)
	lost, twice, unkept := m.verify(v.house.kafka.Messages(t, "events"))
	assert.Empty(t, lost, "answered 2xx, and not in Kafka")
	assert.Empty(t, twice, "in Kafka twice")
	assert.Empty(t, unkept, "answered 4xx, and not in quarantine")
	assert.Zero(t, m.gaveUp)
	assert.NotEmpty(t, m.dropped)
	assert.NotEmpty(t, m.unanswered)
	t.Logf("%d kills, %d batches, answers %v, %d had none at first", n, m.count.Load(), m.answers, len(m.unanswered))
}

// A service that answers before it has stored is caught by the same check, and so is
// one that stores no ids.
func TestWebhook_checkCatchesDefectsOfKilledServices(t *testing.T) {
	v := newServices(t, serviceDefect+"=early")
	m := &mParticle{house: v.house, ids: true}
	v.kills(t, m, 2)
	lost, _, _ := m.verify(v.house.kafka.Messages(t, "events"))
	assert.NotEmpty(t, lost)

	v = newServices(t, serviceDefect+"=forgetful")
	m = &mParticle{house: v.house, ids: true}
	v.kills(t, m, 12)
	_, twice, _ := m.verify(v.house.kafka.Messages(t, "events"))
	assert.NotEmpty(t, twice)
}

// The check of quarantine finds what is not there.
func TestWebhook_checkCatchesNoQuarantine(t *testing.T) {
	h := open(t, nil, nil)
	h.keeps = func(string) bool { return false }
	m := &mParticle{house: h, ids: true}
	m.load(t, func() {
		eventually(t, func() bool { return m.answered(http.StatusBadRequest) > 0 }, "one is refused")
	})
	_, _, unkept := m.verify(h.kafka.Messages(t, "events"))
	assert.NotEmpty(t, unkept)
}
