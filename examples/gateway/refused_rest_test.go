package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// fillRefused has brokers refuse what a gateway stores until its spool is full. The
// gateway has ended then.
func fillRefused(t *testing.T, k *forwardertest.Kafka) setup {
	t.Helper()
	c := configure(t, k, func(_, settings map[string]any) {
		settings["delivery"] = map[string]any{"max_message_bytes": 64 << 10}
		spool, ok := settings["spool"].(map[string]any)
		require.True(t, ok)
		spool["max_bytes"] = 1 << 20
	})
	refusing := k.Fail(forwardertest.Produce, 10, forwardertest.UntilStopped)
	defer refusing.Stop()
	p, doors, _ := c.serve(t)
	body := strings.Replace(session, `"events"`, `"x":"`+strings.Repeat("y", 40<<10)+`","events"`, 1)
	status := http.StatusOK
	for i := 0; status == http.StatusOK; i++ {
		require.Less(t, i, 100, "the spool takes 1 MiB")
		status, _ = call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(body, 1, i, i), hookSecret)
	}
	require.Equal(t, http.StatusServiceUnavailable, status)
	p.end(t)
	return c
}

// Where nothing has room, what is put again is told to have none, with what to do. It is
// not waited for.
func TestRefused_fullSpool(t *testing.T) {
	t.Parallel()
	c := fillRefused(t, newSoundKafka(t))
	before, err := command(t, c.env, "", "refused", "-config", c.file)
	require.NoError(t, err, before)
	out, err := command(t, c.env, "", "refused", "-config", c.file, "-put", "all")
	assert.Equal(t, 1, exitCode(err), out)
	assert.Regexp(t, `gateway: message \d+: spool: full: the 1048576 bytes of the spool are in use: .*; raise settings.spool.max_bytes, `+
		`or write some to a file by -out FILE -discard N,... and replay that`, out)
	after, err := command(t, c.env, "", "refused", "-config", c.file)
	require.NoError(t, err, after)
	assert.NotEmpty(t, listed(before))
	assert.Equal(t, listed(before), listed(after), "all are still there")
}

// listed returns the lines of the messages in what the command prints, which may warn of
// something before.
func listed(out string) []string {
	return regexp.MustCompile(`(?m)^\d+: topic .*`).FindAllString(out, -1)
}

// Damaged messages do not keep an operator from deciding about the others.
func TestRefused_damaged(t *testing.T) {
	t.Parallel()
	c := fillRefused(t, newSoundKafka(t))
	damage(t, filepath.Join(c.spool, "segment-00000001"))
	out, err := command(t, c.env, "", "refused", "-config", c.file)
	assert.Equal(t, 1, exitCode(err), out)
	lost := regexp.MustCompile(`gateway: (\d+) refused messages cannot be read, and are left as they are: look at the disk`).FindStringSubmatch(out)
	require.NotNil(t, lost, out)
	assert.Equal(t, 1, strings.Count(out, "the message is not on the disk any more"), "one line for one cause: %s", out)
	numbers := regexp.MustCompile(`(?m)^(\d+): topic`).FindAllStringSubmatch(out, -1)
	require.NotEmpty(t, numbers)

	out, err = command(t, c.env, "", "refused", "-config", c.file, "-discard", numbers[0][1])
	require.NoError(t, err, "it can be read: %s", out)
	assert.Contains(t, out, numbers[0][1]+": discarded\n")

	file := filepath.Join(t.TempDir(), "refused.ndjson")
	out, err = command(t, c.env, "", "refused", "-config", c.file, "-discard", "all", "-out", file)
	assert.Equal(t, 1, exitCode(err), out)
	assert.Contains(t, out, fmt.Sprintf("wrote %d to ", len(numbers)-1))
	assert.Equal(t, len(numbers)-1, strings.Count(out, ": discarded\n"))
	out, err = command(t, c.env, "", "refused", "-config", c.file)
	assert.Equal(t, 1, exitCode(err), out)
	assert.Contains(t, out, "refused "+lost[1]+", to send 0\n")
}

// damage changes a byte in the middle of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	text[len(text)/2] ^= 0xff
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

// Without a folder of its own or of the configuration there is nothing to look into.
func TestRefused_noFolder(t *testing.T) {
	c := configure(t, newSoundKafka(t), func(_, settings map[string]any) { delete(settings, "spool") })
	out, err := command(t, c.env, "", "refused", "-config", c.file)
	assert.Equal(t, 1, exitCode(err), out)
	assert.Contains(t, out, "gateway: settings.spool.dir is missing: name it, or the folder behind refused")
}
