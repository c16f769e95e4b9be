package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

const variables = 6

// variable reads one export line; there are no quotes within its values.
func variable(t *testing.T, line string) (name, value string) {
	t.Helper()
	assignment, ok := strings.CutPrefix(strings.TrimSpace(line), "export ")
	require.True(t, ok, "%q", line)
	name, value, _ = strings.Cut(assignment, "=")
	return name, strings.Trim(value, "'")
}

// use forwards a batch with settings from these variables, and reads it back.
func use(t *testing.T, env map[string]string) settings.Settings {
	t.Helper()
	var s settings.Settings
	require.NoError(t, s.SetFromEnv(func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}))
	f, err := forwarder.New(t.Context(), s)
	require.NoError(t, err)
	defer f.Close()
	b, err := batch.Parse([]byte(`{"mpid":7}`))
	require.NoError(t, err)
	require.NoError(t, f.Forward(t.Context(), b))
	messages, err := forwardertest.Read(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	assert.Equal(t, "7", string(messages[0].Key))
	return s
}

func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-topic", "t", "-partitions", "3", "-brokers", "2"}, w, io.Discard) }()

	env := map[string]string{}
	lines := bufio.NewScanner(r)
	for range variables {
		require.True(t, lines.Scan())
		name, value := variable(t, lines.Text())
		env[name] = value
	}
	s := use(t, env)
	assert.Equal(t, "t", s.TopicName)
	assert.Len(t, s.Servers(), 2)

	cancel()
	require.NoError(t, <-done)
	assert.NoFileExists(t, s.TLS.CAFile)
}

// TestProgram starts what go build makes, sources its file with a shell and
// stops it with a signal.
func TestProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("1 test skipped: it needs a POSIX shell and signals")
	}
	dir := t.TempDir()
	program, file := filepath.Join(dir, "localkafka"), filepath.Join(dir, "it's kafka.env")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := exec.CommandContext(t.Context(), program, "-out", file)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, time.Minute, 10*time.Millisecond)

	shell := exec.CommandContext(t.Context(), "sh", "-c", `. "$1" && env`, "sh", file)
	out, err = shell.Output()
	require.NoError(t, err)
	env := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		env[name] = value
	}
	s := use(t, env)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	assert.NoError(t, cmd.Wait())
	assert.NoFileExists(t, s.TLS.CAFile)
}

func TestRun_mistakes(t *testing.T) {
	for _, args := range [][]string{{"-brokers", "0"}, {"-partitions", "0"}, {"more"}, {"-nothing"}, {"-out", filepath.Join("missing", "file")}} {
		assert.Error(t, run(t.Context(), args, io.Discard, io.Discard), "%q", args)
	}
	assert.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, io.Discard))
}

func TestQuote(t *testing.T) {
	assert.Equal(t, `'it'\''s'`, quote("it's"))
}
