package demo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve runs a Kafka in this process, and returns what finds it and how it ended.
func serve(t *testing.T, dir string, idle time.Duration) (*Demo, chan error) {
	t.Helper()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- Serve(ctx, dir, idle) }()
	t.Cleanup(func() { cancel(); assert.NoError(t, <-ended) })
	file := filepath.Join(dir, fileName)
	require.Eventually(t, func() bool { return read(file) != nil || len(ended) > 0 }, time.Minute, time.Millisecond)
	d := read(file)
	require.NotNil(t, d)
	return d, ended
}

// Nobody leaves a Kafka behind for ever: it ends when it is idle, and with its folder.
func TestServe_ends(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Serve(t.Context(), dir, 50*time.Millisecond))
	assert.NoFileExists(t, filepath.Join(dir, fileName), "the next one makes another")

	_, ended := serve(t, dir, time.Hour)
	require.NoError(t, os.Remove(filepath.Join(dir, fileName)))
	require.NoError(t, <-ended)
	ended <- nil
}

// A reader is a use: the Kafka goes on, and can be found again.
func TestServe_used(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 13 seconds, and -short is set")
	}
	dir, idle := t.TempDir(), 5*time.Second // a machine that is busy connects within it
	d, ended := serve(t, dir, time.Hour)
	found, err := Find(t.Context(), dir)
	require.NoError(t, err)
	assert.Equal(t, d.Settings.BootstrapServers, found.Settings.BootstrapServers)
	assert.Empty(t, ended)

	dir = t.TempDir()
	d, ended = serve(t, dir, idle)
	var out strings.Builder
	stop := d.Show(t.Context(), &out, d.Listen)
	select {
	case err := <-ended:
		t.Error("it ended while it was used:", err)
		ended <- nil
	case <-time.After(idle * 3 / 2):
	}
	stop()
	require.NoError(t, <-ended, "it is idle now")
	ended <- nil
	assert.Contains(t, out.String(), "curl --cacert '"+dir)
}

// A Kafka that does not start is an error of those who look for it: this program ends
// at once when it is started with Command.
func TestFind_ended(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, fileName), []byte("{}"), 0o600))
	_, err := Find(t.Context(), dir)
	assert.ErrorContains(t, err, "the process of the Kafka has ended")
	assert.ErrorContains(t, err, "no Kafka today", "what it has said")
}

// A Kafka whose file another one has replaced leaves that file alone, and neither has the
// spool or the certificates of the other.
func TestServe_two(t *testing.T) {
	dir := t.TempDir()
	first, ended := serve(t, dir, 3*time.Second)
	file := filepath.Join(dir, fileName)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	later := make(chan error, 1)
	go func() { later <- Serve(ctx, dir, time.Hour) }()
	t.Cleanup(func() { cancel(); assert.NoError(t, <-later) })
	var second *Demo
	require.Eventually(t, func() bool {
		now, err := os.ReadFile(file)
		if second = read(file); err != nil || second == nil {
			return len(later) > 0
		}
		return string(now) != string(text)
	}, time.Minute, time.Millisecond)
	require.NotEqual(t, first.Settings.BootstrapServers, second.Settings.BootstrapServers)
	assert.NotEqual(t, first.Settings.Spool.Dir, second.Settings.Spool.Dir)
	assert.NotEqual(t, first.Settings.TLS.CAFile, second.Settings.TLS.CAFile)
	text, err = os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, <-ended, "the first is idle")
	ended <- nil
	left, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(left))
	assert.NoFileExists(t, first.Settings.TLS.CAFile)
	assert.FileExists(t, second.Settings.TLS.CAFile)
	assert.Empty(t, later)
}
