package jvm

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// victim names the variable that turns TestProcess_victim into a program that
// is killed.
const victim = "EVENTFERRY_TEST_VICTIM"

// spinning does so with TestProcess_spinning.
const spinning = "EVENTFERRY_TEST_SPINNING"

// needUnix returns the path of a program that does nothing for an hour.
func needUnix(t *testing.T) (sleep string) {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if supported() != nil || err != nil {
		t.Skip("no child processes on this operating system")
	}
	return sleep
}

func start(t *testing.T, name string, args ...string) *Process {
	t.Helper()
	p, err := Start(exec.CommandContext(t.Context(), name, args...))
	require.NoError(t, err)
	return p
}

// A program that starts a child with Start, pauses another, and waits.
func TestProcess_victim(t *testing.T) {
	if os.Getenv(victim) == "" {
		t.Skip("a part of TestProcess_endsWithParent")
	}
	sleep := needUnix(t)
	for i := range 2 {
		cmd := exec.CommandContext(t.Context(), sleep, "3600")
		cmd.Stdout = os.Stdout // holds the pipe open while it lives
		p, err := Start(cmd)
		require.NoError(t, err)
		defer p.Kill()
		if i == 1 {
			require.NoError(t, p.Pause())
		}
	}
	_, err := io.WriteString(os.Stdout, "ready\n")
	require.NoError(t, err)
	<-t.Context().Done()
}

func TestProcess_endsWithParent(t *testing.T) {
	needUnix(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestProcess_victim$")
	cmd.Env = append(os.Environ(), victim+"=1")
	out, in, err := os.Pipe()
	require.NoError(t, err)
	defer out.Close()
	cmd.Stdout = in
	require.NoError(t, cmd.Start())
	require.NoError(t, in.Close())
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	// The pipe ends when the last process that has it is gone.
	require.NoError(t, out.SetReadDeadline(time.Now().Add(time.Minute)))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err, "a child outlives its killed parent")
	assert.Empty(t, rest)
}

func TestProcess_stop(t *testing.T) {
	sleep := needUnix(t)
	t.Run("ends by itself", func(t *testing.T) {
		p := start(t, sleep, "3600")
		p.Stop(time.Hour)
		var exit *exec.ExitError
		require.ErrorAs(t, p.Err(), &exit)
	})
	t.Run("deaf", func(t *testing.T) {
		p := start(t, sleep, "3600")
		require.NoError(t, p.Pause())
		p.Stop(10 * time.Millisecond)
		require.Error(t, p.Err())
		assert.ErrorIs(t, p.Pause(), os.ErrProcessDone)
	})
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p, err := Start(exec.CommandContext(ctx, sleep, "3600"))
		require.NoError(t, err)
		cancel()
		require.Error(t, p.Err())
	})
}

func TestProcess_pause(t *testing.T) {
	needUnix(t)
	cat, err := exec.LookPath("cat")
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), cat)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, in, err := os.Pipe()
	require.NoError(t, err)
	defer out.Close()
	cmd.Stdout = in
	p, err := Start(cmd)
	require.NoError(t, err)
	require.NoError(t, in.Close())

	require.NoError(t, p.Pause())
	_, err = io.WriteString(stdin, "hello")
	require.NoError(t, err)
	buf := make([]byte, 5)
	require.NoError(t, out.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	_, err = out.Read(buf)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "a paused process answers")

	require.NoError(t, p.Resume())
	require.NoError(t, out.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = io.ReadFull(out, buf)
	require.NoError(t, err)
	require.NoError(t, stdin.Close())
	require.NoError(t, p.Err())
}

// A program whose threads are all busy.
func TestProcess_spinning(t *testing.T) {
	if os.Getenv(spinning) == "" {
		t.Skip("a part of TestProcess_pauseReturnsWhenStopped")
	}
	for range 8 {
		go func() {
			for t.Context().Err() == nil {
			}
		}()
	}
	_, err := io.WriteString(os.Stdout, "ready\n")
	require.NoError(t, err)
	<-t.Context().Done()
}

func TestProcess_pauseReturnsWhenStopped(t *testing.T) {
	needUnix(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcess_spinning$")
	cmd.Env = append(os.Environ(), spinning+"=1", "GOMAXPROCS=8")
	out, in, err := os.Pipe()
	require.NoError(t, err)
	defer out.Close()
	cmd.Stdout = in
	p, err := Start(cmd)
	require.NoError(t, err)
	defer p.Kill()
	require.NoError(t, in.Close())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	for range 100 {
		require.NoError(t, p.Pause())
		halted, err := stopped(p.PID())
		require.NoError(t, err)
		require.True(t, halted, "Pause returned while a thread ran")
		require.NoError(t, p.Resume())
	}
}

func TestStart_missingProgram(t *testing.T) {
	_, err := Start(exec.CommandContext(t.Context(), "/no/such/program"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOutput(t *testing.T) {
	needUnix(t)
	shell := func(script string) *exec.Cmd { return exec.CommandContext(t.Context(), "/bin/sh", "-c", script) }
	out, err := Output(shell("echo yes; echo no >&2"))
	require.NoError(t, err)
	assert.Equal(t, "yes\n", string(out))

	_, err = Output(shell("echo reason >&2; exit 3"))
	require.EqualError(t, err, "jvm: sh: exit status 3: reason")
	var exit *exec.ExitError
	assert.True(t, errors.As(err, &exit))
}

func TestTail(t *testing.T) {
	assert.Equal(t, "b\nc", Tail([]byte("a\nb\nc\n"), 2))
	assert.Equal(t, "a\nb", Tail([]byte("a\nb"), 5))
	assert.Equal(t, "", Tail(nil, 5))
}
