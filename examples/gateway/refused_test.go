package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/examples/internal/doctor"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// refuse has brokers refuse n batches of a gateway, which then ends.
func (c setup) refuse(t *testing.T, k *forwardertest.Kafka, n int) {
	t.Helper()
	refusing := k.Fail(forwardertest.Produce, 10, forwardertest.UntilStopped) // MESSAGE_TOO_LARGE
	p, doors, admin := c.serve(t)
	assert.Contains(t, p.out.String(), `msg="spool opened: 0 to send, 0 refused`)
	for i := range n {
		status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(session, 1, i, i), hookSecret)
		require.Equal(t, http.StatusOK, status, text)
	}
	p.find(t, `msg="message refused".* kept="in the spool `+c.spool+`, until it is put again or discarded"`)
	require.Eventually(t, func() bool {
		_, page := call(t, http.DefaultClient, http.MethodGet, admin+"/metrics", "", "")
		return regexp.MustCompile(fmt.Sprintf(`(?m)^eventferry_spool_refused(\{[^}]*\})? %d$`, n)).MatchString(page)
	}, patienceOfTests, 20*time.Millisecond)
	out, err := command(t, c.env, "", "refused", "-config", c.file)
	assert.Error(t, err)
	assert.Contains(t, out, "stop the gateway that runs with it")
	p.end(t)
	refusing.Stop()
}

// What brokers have refused is told by the doctor and at the start. It is listed, written to
// a file, put again, and discarded, by numbers that stay.
func TestRefused(t *testing.T) {
	k := newSoundKafka(t)
	c := configure(t, k, nil)
	c.refuse(t, k, 3)
	out, err := command(t, c.env, "", "doctor", "-config", c.file)
	assert.Equal(t, doctor.ExitWarnings, exitCode(err), out)
	assert.Regexp(t, `warning +spool +refused +3 messages, first: .*raise the topic.s max.message.bytes.*\n +-> gateway refused lists them`, out)

	out, err = command(t, c.env, "", "refused", "-config", c.file)
	require.NoError(t, err, out)
	list := regexp.MustCompile(`(?m)^(\d+): topic "events", \d+ bytes, accepted \S+Z, refused \S+Z, code 10: .*raise the topic.s max.message.bytes`).FindAllStringSubmatch(out, -1)
	require.Len(t, list, 3, out)
	assert.Contains(t, out, "refused 3, to send 0\n")
	assert.NotContains(t, out, "session_start", "no data")

	file := filepath.Join(t.TempDir(), "refused.ndjson")
	for _, wrong := range []struct {
		args []string
		want string
	}{
		{[]string{"-discard", "all", "-put", "all"}, "exclude each other"},
		{[]string{"-discard", list[0][1] + ",999999"}, "no refused message has the numbers [999999]: nothing was done"},
		{[]string{"-discard", "all", "-out", c.file}, "file exists"},
		{[]string{filepath.Join(t.TempDir(), "none")}, "there is no spool"},
		{[]string{"-put", "first"}, "give all, or the numbers"},
	} {
		out, err = command(t, c.env, "", append([]string{"refused", "-config", c.file}, wrong.args...)...)
		assert.Equal(t, 1, exitCode(err), out)
		assert.Contains(t, out, wrong.want)
	}
	out, err = command(t, c.env, "", "refused", "-config", c.file, "-discard", list[1][1], "-out", file)
	require.NoError(t, err, out)
	assert.Contains(t, out, "refused 3,", "the mistakes above have done nothing")
	assert.Contains(t, out, list[1][1]+": discarded\n")
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf(session, 1, 1, 1)+"\n", string(kept))
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	out, err = command(t, c.env, "", "refused", "-config", c.file, "-put", list[2][1], c.spool)
	require.NoError(t, err, out)
	assert.Contains(t, out, "refused 2, to send 0\n")
	assert.Contains(t, out, list[2][1]+": put again: the next serve, or drain, sends it\n")

	p, _, _ := c.serve(t)
	p.find(t, `msg="spool opened: 1 to send, oldest since \S+, 1 refused`)
	p.find(t, `level=WARN msg="spool: 1 message, first: .* refused; each is kept until it is put again or discarded: stop the gateway, and run gateway refused" dir=`+c.spool)
	p.end(t)
	messages := k.Messages(t, "events")
	require.Len(t, messages, 1)
	assert.Equal(t, fmt.Sprintf(session, 1, 2, 2), string(messages[0].Value))

	out, err = command(t, c.env, "", "drain", "-config", c.file, c.spool)
	assert.Error(t, err)
	assert.Contains(t, out, "gateway refused -config FILE "+c.spool)
	out, err = command(t, c.env, "", "refused", "-config", c.file, "-put", "all")
	require.NoError(t, err, out)
	out, err = command(t, c.env, "", "drain", "-config", c.file, c.spool)
	require.NoError(t, err, out)
	assert.Len(t, k.Messages(t, "events"), 2)
	out, err = command(t, c.env, "", "refused", "-config", c.file)
	require.NoError(t, err, out)
	assert.Contains(t, out, "refused 0, to send 0\n")
}
