package forwarder

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A refusalError is an answer that trying again does not change.
type refusalError struct{ err error }

func (e *refusalError) Error() string { return e.err.Error() }
func (e *refusalError) Unwrap() error { return e.err }

// Permanent implements what the function of this name asks for: what a broker
// refuses for the sake of credentials, topic or TLS, somebody can mend.
func (e *refusalError) Permanent() bool { return false }

func refusef(format string, args ...any) error {
	return &refusalError{fmt.Errorf(format, args...)}
}

// worst picks the error to tell of several, of equals the first: a refusal, if
// there is one, else something that has failed. Silence comes last: the end of
// a wait cuts off healthy brokers, too.
func worst(errs []error) error {
	var told error
	for _, err := range errs {
		switch {
		case isRefusal(err):
			return err
		case told == nil, isSilence(told) && err != nil && !isSilence(err):
			told = err
		}
	}
	return told
}

// A silenceError is a server that had not answered when the wait for it ended.
type silenceError struct {
	server string
	stage  stage
}

func (e *silenceError) Error() string { return e.server + ": " + e.stage.String() }

func isSilence(err error) bool {
	_, ok := errors.AsType[*silenceError](err)
	return ok
}

func isRefusal(err error) bool {
	var r *refusalError
	return errors.As(err, &r)
}

// A hangUpError is a connection that the other side closed where an answer was
// due. A broker that stops does that, or a proxy without one behind it, but so
// does a broker that refuses without saying why: see [hangUps].
type hangUpError struct{ err error }

func (e *hangUpError) Error() string { return e.err.Error() }
func (e *hangUpError) Unwrap() error { return e.err }

// A stage is what a conversation with a broker is waiting for.
type stage int32

const (
	preparing stage = iota
	connecting
	shakingHands
	authenticating
	asking
)

func (s stage) String() string {
	switch s {
	case connecting:
		return "no connection"
	case shakingHands:
		return "no answer to the TLS handshake"
	case authenticating:
		return "no answer while authenticating"
	case asking:
		return "no answer when asked for the topic"
	default:
		return "no credentials yet"
	}
}

// unreachable is a server that could not be reached, or did not answer until
// ctx ended.
func unreachable(ctx context.Context, server string, at *progress, err error) error {
	if over(ctx) {
		return &silenceError{server, at.get()}
	}
	return fmt.Errorf("%s: %w", server, err)
}

// over reports whether ctx has ended, also when only the network has noticed
// that its deadline has passed.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// longestQuote bounds what others' texts add to an error.
const longestQuote = 200

// quote makes text of somebody else safe to print: one line, of bounded length.
func quote(text string) string {
	if len(text) <= longestQuote {
		return strconv.Quote(text)
	}
	cut := longestQuote
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "..."
}

// few lists the first of names.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
