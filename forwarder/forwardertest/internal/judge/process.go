package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// subjectVariable makes the judge's program the process under test.
const subjectVariable = "EVENTFERRY_JUDGE_SUBJECT"

// IsSubject reports whether this process is to be the one under test, which the
// program that judges must ask first: it starts itself again for that. If it
// is, it has done its work when IsSubject returns, with what went wrong.
func IsSubject() (bool, error) {
	if os.Getenv(subjectVariable) == "" {
		return false, nil
	}
	return true, load.Run(context.Background(), os.Stdin, os.Stdout, os.Stderr)
}

// A process is one life of the process under test.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	ended chan struct{} // closed when it has ended and its history is taken
	err   error         // then: how it ended
}

// launch starts the next life. Its history goes to h, its log to logFile.
func launch(cfg load.Config, h *history, logFile *os.File, busy func() bool) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	// Its end is ours to bring about, not a context's.
	cmd := exec.CommandContext(context.Background(), program)
	cmd.Env = append(os.Environ(), subjectVariable+"=1", "GOTRACEBACK=all")
	cmd.Stderr = logFile
	p := &process{cmd: cmd, ended: make(chan struct{})}
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	h.begin()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	go func() {
		defer close(p.ended)
		taken := h.take(out, busy)
		if taken != nil {
			_ = cmd.Process.Kill() // it would wait for a reader
		}
		p.err = errors.Join(taken, cmd.Wait())
	}()
	return p, p.send(string(text))
}

func (p *process) send(line string) error {
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return fmt.Errorf("judge: telling the process under test: %w", err)
	}
	return nil
}

// kill ends it with SIGKILL and takes what it had written.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// dump ends it with SIGQUIT, which has it write what its goroutines do into its
// log.
func (p *process) dump() {
	const patience = 10 * time.Second
	if p.cmd.Process.Signal(syscall.SIGQUIT) == nil {
		select {
		case <-p.ended:
		case <-time.After(patience):
		}
	}
	p.kill()
}
