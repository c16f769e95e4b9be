package connect

import "errors"

// An errorClass says what trying again can do about an error. [errors.Is] finds
// it in the errors of this package.
type errorClass string

// Error implements error.
func (c errorClass) Error() string { return string(c) }

const (
	// classRefused is an answer that trying again does not change.
	classRefused errorClass = "refused"
	// classNotReady is an answer that trying again may change.
	classNotReady errorClass = "not ready"
	// classHungUp is a connection that the other side closed where an answer was due.
	// A broker that stops does that, or a proxy without one behind it, but so
	// does a broker that refuses without saying why: see [maxHangUps].
	classHungUp errorClass = "hung up"
	// classNoCredentials is a failure to get credentials, before anything was sent.
	// The broker has no part in it.
	classNoCredentials errorClass = "no credentials"
)

// A classedError is an error of one class, with the text of err.
type classedError struct {
	class errorClass
	err   error
}

func (e *classedError) Error() string { return e.err.Error() }
func (e *classedError) Unwrap() error { return e.err }

// Is makes errors.Is find the class.
func (e *classedError) Is(target error) bool { return target == e.class }

// Permanent implements the interface that forwarder.Permanent asks for. All that
// fails on the way to a broker can be mended without touching a batch.
func (e *classedError) Permanent() bool { return false }

// refusef formats an answer that trying again does not change.
func refusef(format string, args ...any) error {
	return &classedError{classRefused, advisef(format, args...)}
}

func isRefusal(err error) bool { return errors.Is(err, classRefused) }

// mostTelling picks the error to report of several, of equals the first: a
// refusal, if there is one, else a failure. Silence comes last: the end of a wait
// cuts off healthy brokers, too.
func mostTelling(errs []error) error {
	var best error
	for _, err := range errs {
		switch {
		case isRefusal(err):
			return err
		case best == nil, isSilence(best) && err != nil && !isSilence(err):
			best = err
		}
	}
	return best
}
