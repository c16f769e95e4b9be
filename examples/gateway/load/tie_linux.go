package main

import (
	"os/exec"
	"syscall"
)

// tie keeps interrupts of the terminal from the child, and has the kernel kill it when
// the thread that starts it ends, which it does with its process.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
