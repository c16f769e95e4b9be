package connect

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// A phase is a step on the way to a broker, by the answer that it waits for.
type phase int32

const (
	preparing phase = iota
	connecting
	shakingHands
	greeting // the first request, whatever it is for
	authenticating
	asking
	askingForID
)

func (s phase) String() string {
	switch s {
	case connecting:
		return "no connection"
	case shakingHands:
		return "no answer to the TLS handshake: has the listener reached its max.connections?"
	case greeting:
		return "no answer to the first request: a broker that hangs, a proxy without one behind it, or a server of another kind"
	case authenticating:
		return "no answer while authenticating"
	case asking:
		return "no answer when asked for the topic"
	case askingForID:
		return "no answer when asked for a producer id"
	default:
		return "no credentials yet"
	}
}

// unreachable is the error for a server that could not be reached or, if ctx has
// ended, did not answer in time.
func unreachable(ctx context.Context, server string, at *progress, err error) error {
	if hasEnded(ctx) {
		return &silenceError{server, at.get()}
	}
	return fmt.Errorf("%s: %w", shown(server), err)
}

// hasEnded reports whether ctx has ended. The network may notice a deadline that
// has passed before ctx does.
func hasEnded(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// A progress holds the phase of one attempt, for a goroutine that watches it.
type progress struct {
	current  atomic.Int32
	answered atomic.Bool // the server has said something since the TLS handshake
}

func (p *progress) set(s phase) { p.current.Store(int32(s)) }

// get returns the phase. A server that has not answered anything says nothing of
// what it was asked for.
func (p *progress) get() phase {
	s := phase(p.current.Load())
	if s > greeting && !p.answered.Load() {
		return greeting
	}
	return s
}

// A silenceError is a server that had not answered when the wait for it ended.
type silenceError struct {
	server string
	phase  phase
}

func (e *silenceError) Error() string { return shown(e.server) + ": " + e.phase.String() }

func isSilence(err error) bool {
	_, ok := errors.AsType[*silenceError](err)
	return ok
}
