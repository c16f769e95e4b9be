//go:build !unix

package jvm

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
)

var errUnsupported = errors.New("jvm: not written for this operating system")

const (
	terminate = unsupportedSignal("SIGTERM")
	pause     = unsupportedSignal("SIGSTOP")
	resume    = unsupportedSignal("SIGCONT")
)

type unsupportedSignal string

func (s unsupportedSignal) String() string { return string(s) }
func (unsupportedSignal) Signal()          {}

func supported() error {
	return &MissingError{"brokers are child processes that need Unix, this is " + runtime.GOOS}
}

func tie(*exec.Cmd)                         {}
func watch(int) (release func(), err error) { return nil, errUnsupported }
func tryLock(*os.File) bool                 { return false }
func stopped(int) (bool, error)             { return false, errUnsupported }

func lock(context.Context, string) (unlock func(), err error) { return nil, errUnsupported }
