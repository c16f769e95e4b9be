//go:build unix && !linux

package main

import (
	"os/exec"
	"syscall"
)

// tie keeps interrupts of the terminal from the child.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
