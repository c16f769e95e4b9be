package examples_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// steps are blocks of documents, to be found by something in them.
type steps []block

func (s steps) with(t *testing.T, language, fragment string) string {
	t.Helper()
	i := slices.IndexFunc(s, func(b block) bool { return b.language == language && strings.Contains(b.text, fragment) })
	require.GreaterOrEqual(t, i, 0, "no block has %q", fragment)
	return s[i].text
}

// The README's first batch, and the test of forwardertest's README in the same
// module, typed as they stand.
func TestREADME_firstBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs, and -short is set")
	}
	_, readme := document(t, readmeFile)
	_, kit := document(t, kitFile)
	typed, typedNext := steps(readme), steps(kit)
	clone, work := root(t), t.TempDir()
	env := filepath.Join(work, "kafka.env")
	command := func(ctx context.Context, dir, script string) *exec.Cmd {
		script = strings.ReplaceAll(script, "../eventferry/kafka.env", env)
		script = strings.ReplaceAll(script, "-out kafka.env", "-out "+env)
		script = strings.ReplaceAll(script, "../eventferry", clone)
		cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script)
		cmd.Dir = dir
		return cmd
	}

	// go run starts the program as a child: a binary of our own can be ended by
	// its own handle.
	kafka := filepath.Join(work, "localkafka")
	build, err := command(t.Context(), clone, "go build -o "+kafka+" ./examples/localkafka").CombinedOutput()
	require.NoError(t, err, "%s", build)
	start := command(t.Context(), work, "exec "+strings.Replace(typed.with(t, "sh", "localkafka"), "go run ./examples/localkafka", kafka, 1))
	start.Cancel = func() error { return start.Process.Signal(os.Interrupt) }
	start.WaitDelay = 10 * time.Second
	stderr, err := start.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, start.Start())
	defer func() { _ = start.Cancel(); _ = start.Wait() }()
	lines := bufio.NewScanner(stderr)
	require.True(t, lines.Scan(), "localkafka says nothing")

	out, err := command(t.Context(), work, typed.with(t, "sh", "go mod init")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	first := filepath.Join(work, "first")
	write := func(name, source string) {
		require.NoError(t, os.WriteFile(filepath.Join(first, name), []byte(source), 0o600))
	}
	run := func(script string) string {
		cmd := command(t.Context(), first, script)
		cmd.Env = append(os.Environ(), "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err != nil && (strings.Contains(string(out), "dial tcp") || strings.Contains(string(out), "module lookup disabled")) {
			t.Skipf("1 test skipped: go mod tidy wants the network, which is not there: %s", out)
		}
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	write("main.go", typed.with(t, "go", "package main"))
	assert.Contains(t, run(typed.with(t, "sh", "go mod tidy")), "acknowledged: batch(1 event, 80 bytes)")

	run(typedNext.with(t, "sh", "go mod edit"))
	write("main_test.go", typedNext.with(t, "go", "package main"))
	assert.Contains(t, run(typedNext.with(t, "sh", "go mod tidy")), "ok")
}
