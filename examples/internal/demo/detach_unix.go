//go:build unix

package demo

import (
	"os/exec"
	"syscall"
)

// detach gives the child a session of its own: neither an interrupt of the terminal nor
// its end is for it.
func detach(child *exec.Cmd) { child.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
