//go:build unix && !linux

package jvm

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
)

// tie keeps interrupts of the terminal from the child: they are for this process, which
// may still need it.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// watch starts a shell that reads from a pipe whose other end only this
// process has. When this process ends, however it does, the shell comes to the
// end of the pipe and kills pid. It is in a process group of its own, so that
// an interrupt from the terminal leaves it its work.
func watch(pid int) (release func(), err error) {
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", `read -r _; kill -9 "$0"`, strconv.Itoa(pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("jvm: watcher of process %d: %w", pid, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("jvm: watcher of process %d: %w", pid, err)
	}
	return func() {
		_ = cmd.Process.Kill() // before the pipe closes: pid is free for others now
		_ = cmd.Wait()
		_ = pipe.Close()
	}, nil
}
