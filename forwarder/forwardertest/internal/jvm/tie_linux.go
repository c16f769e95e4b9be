package jvm

import (
	"os/exec"
	"syscall"
)

// tie has the kernel kill the child when the thread that starts it ends, which
// it does with its process, however that ends. An interrupt of the terminal is for that
// process, which may still need the child.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

func watch(int) (release func(), err error) { return func() {}, nil }
