//go:build unix && !linux

package jvm

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strconv"
)

// stopped reports whether a process has stopped.
func stopped(pid int) (bool, error) {
	state, err := exec.CommandContext(context.Background(), "ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		return false, nil // there is no such process
	}
	return bytes.HasPrefix(bytes.TrimSpace(state), []byte("T")), err
}
