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

// The README's first batch, typed as it stands.
func TestREADME_firstBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs, and -short is set")
	}
	_, blocks := readme(t)
	var shell []block
	var source string
	for _, b := range blocks {
		if b.language == "sh" {
			shell = append(shell, b)
		}
		if strings.HasPrefix(b.text, "package main") {
			source = b.text
		}
	}
	step := func(fragment string) string {
		i := slices.IndexFunc(shell, func(b block) bool { return strings.Contains(b.text, fragment) })
		require.GreaterOrEqual(t, i, 0, "no block has %q", fragment)
		return shell[i].text
	}
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
	start := command(t.Context(), work, "exec "+strings.Replace(step("localkafka"), "go run ./examples/localkafka", kafka, 1))
	start.Cancel = func() error { return start.Process.Signal(os.Interrupt) }
	start.WaitDelay = 10 * time.Second
	stderr, err := start.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, start.Start())
	defer func() { _ = start.Cancel(); _ = start.Wait() }()
	lines := bufio.NewScanner(stderr)
	require.True(t, lines.Scan(), "localkafka says nothing")

	out, err := command(t.Context(), work, step("go mod init")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	first := filepath.Join(work, "first")
	require.NoError(t, os.WriteFile(filepath.Join(first, "main.go"), []byte(source), 0o600))
	run := command(t.Context(), first, step("go mod tidy"))
	run.Env = append(os.Environ(), "GOWORK=off")
	out, err = run.CombinedOutput()
	if err != nil && (strings.Contains(string(out), "dial tcp") || strings.Contains(string(out), "module lookup disabled")) {
		t.Skipf("1 test skipped: go mod tidy wants the network, which is not there: %s", out)
	}
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "acknowledged: batch(1 event")
}
