package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/replay"
)

// A second run of the example finds nothing left to do.
func TestReplay(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	for name, value := range map[string]string{
		"BOOTSTRAP_SERVERS":     s.BootstrapServers,
		"TOPIC_NAME":            s.TopicName,
		"AUTHENTICATION_METHOD": string(s.AuthenticationMethod),
		"USER_NAME":             s.UserName,
		"PASSWORD":              s.Password.Reveal(),
		"TLS_CA_FILE":           s.TLS.CAFile,
	} {
		t.Setenv("EVENTFERRY_"+name, value)
	}
	archive, dir := t.TempDir(), t.TempDir()
	sample, err := os.ReadFile("../quickstart/sample.ndjson")
	require.NoError(t, err)
	batches := strings.Count(string(sample), "\n")
	require.NoError(t, os.WriteFile(filepath.Join(archive, "sample"), append(sample, "oops\n"...), 0o600))
	o := replay.Options{Files: os.DirFS(archive), Bad: filepath.Join(dir, "bad")}
	var out bytes.Buffer
	for range 2 {
		require.NoError(t, run(t.Context(), filepath.Join(dir, "spool"), o, &out, slog.New(slog.DiscardHandler)))
	}
	first, second, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	assert.Contains(t, first, ", bad 1, left to send 0")
	assert.Equal(t, "stored 0, bad 0, left to send 0, refused 0, damaged 0", second)
	assert.Len(t, k.Messages(t, s.TopicName), batches)
}
