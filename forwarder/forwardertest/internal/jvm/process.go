package jvm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// A Process is a running child. The kernel, or a watcher where the kernel
// cannot, kills it when this process ends, also by SIGKILL. Its methods may be
// called from any number of goroutines.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; read after done
}

// Start starts cmd as a child that ends with this process, and with the
// context that cmd was made with.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("jvm: starting %s: %w", cmd.Path, err)
	}
	return p, nil
}

// run starts the child and waits for it on one operating system thread. On
// Linux the child's life hangs on the thread that started it, so the thread
// must live as long; it is never unlocked, and ends with the goroutine.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	tie(p.cmd)
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	release, err := watch(p.cmd.Process.Pid)
	if err != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		started <- err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
	release()
	close(p.done)
}

// Done is closed once the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the child's end and says how it ended, as [exec.Cmd.Wait] does.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// PID returns the child's process id, which means nothing once it has ended.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the child at once, also a paused one, and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an error says that it has ended already
	<-p.done
}

// Stop asks the child to end (SIGTERM), kills it when it has not done so
// within patience, and waits for its end.
func (p *Process) Stop(patience time.Duration) {
	_ = p.cmd.Process.Signal(terminate)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.Kill()
	}
}

// pauseTimeout bounds Pause: a thread in the middle of a disk access stops
// after it.
const pauseTimeout = 10 * time.Second

// Pause halts the child where it is (SIGSTOP) and returns when all its threads
// have stopped: its connections stay open and nothing answers.
func (p *Process) Pause() error {
	if err := p.signal(pause); err != nil {
		return err
	}
	limit := time.After(pauseTimeout)
	for {
		halted, err := stopped(p.PID())
		switch {
		case err != nil:
			return fmt.Errorf("jvm: pausing process %d: %w", p.PID(), err)
		case halted:
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("jvm: pausing process %d: %w", p.PID(), os.ErrProcessDone)
		case <-limit:
			return fmt.Errorf("jvm: process %d still runs %s after SIGSTOP", p.PID(), pauseTimeout)
		case <-time.After(time.Millisecond):
		}
	}
}

// Resume lets a paused child go on (SIGCONT).
func (p *Process) Resume() error { return p.signal(resume) }

func (p *Process) signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("jvm: %s to process %d: %w", s, p.PID(), err)
	}
	return nil
}

// Output runs cmd to its end, or that of its context, and returns what it
// wrote to standard output. The error of a command that fails ends with the
// last lines that it wrote.
func Output(cmd *exec.Cmd) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes
	p, err := Start(cmd)
	if err != nil {
		return nil, err
	}
	if err := p.Err(); err != nil {
		return out.Bytes(), fmt.Errorf("jvm: %s: %w: %s", filepath.Base(cmd.Path), err, Tail(append(errs.Bytes(), out.Bytes()...), 20))
	}
	return out.Bytes(), nil
}

// Tail returns the last lines of a log.
func Tail(log []byte, lines int) string {
	log = bytes.TrimRight(log, "\n")
	from := len(log)
	for range lines {
		i := bytes.LastIndexByte(log[:from], '\n')
		if i < 0 {
			return string(log)
		}
		from = i
	}
	return string(log[from+1:])
}
