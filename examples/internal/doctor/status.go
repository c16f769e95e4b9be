package doctor

import (
	"errors"

	"github.com/eventferry/eventferry/forwarder"
)

// Exit statuses of the programs that look for mistakes.
const (
	ExitOK       = 0 // there is nothing to do
	ExitWarnings = 1 // nothing is in the way
	ExitFailed   = 2 // something is in the way, or nothing could be looked at
)

// errWarnings is the error of checks that warn, and did not fail.
var errWarnings = errors.New("a check warns")

// ExitOf is the exit status of a program whose report has this status.
func ExitOf(s forwarder.CheckStatus) int {
	switch s {
	case forwarder.CheckOK:
		return ExitOK
	case forwarder.CheckWarning:
		return ExitWarnings
	default:
		return ExitFailed
	}
}

// Worst joins what has failed. If nothing has, and one warns, it is that.
func Worst(errs ...error) (worst error) {
	var warns error
	for _, err := range errs {
		if errors.Is(err, errWarnings) {
			warns = errWarnings
		} else {
			worst = errors.Join(worst, err)
		}
	}
	if worst == nil {
		worst = warns
	}
	return worst
}

// Exit is the exit status for an error of this package, or for another one, which has
// kept the program from looking.
func Exit(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errWarnings):
		return ExitWarnings
	default:
		return ExitFailed
	}
}
