package forwarder

import (
	"errors"
	"fmt"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/connect"
)

// ErrClosed is the error for batches, and of [Forwarder.Ping], once
// [Forwarder.Close] or [Forwarder.Shutdown] was called: wrapped or alone. The
// batches that it refuses are not sent.
var ErrClosed = errors.New("forwarder: closed")

// ErrNoSpool is the error of [Forwarder.Store], [Forwarder.StoreAll] and
// [Forwarder.StoreAsync] on a forwarder without a spool: see [WithSpool]. The
// batch is not sent.
var ErrNoSpool = errors.New("forwarder: there is no spool to store in: use WithSpool or the setting spool.dir")

// errNilBatch refuses a nil or zero Batch.
var errNilBatch error = nilBatchError{}

// A nilBatchError is a [*batch.Error] whose text says more than where in no bytes a
// fault is.
type nilBatchError struct{}

func (nilBatchError) Error() string {
	return "forwarder: nothing to send: the Batch is nil or zero, as ParseBulk leaves one that it refuses"
}

func (nilBatchError) Unwrap() error { return &batch.Error{Reason: "no JSON"} }

// A closedError is the cause that a producer gives for a message when it is
// closed, together with what the message was waiting for.
type closedError struct{ err error }

func (e *closedError) Error() string   { return "forwarder: " + e.err.Error() }
func (e *closedError) Unwrap() []error { return []error{ErrClosed, e.err} }

// A FilterError says that a filter failed or panicked, or that the end of the
// context kept it from finishing. Nothing of the batch was sent, and no other call
// is affected. The filter may fail again, and again, with the same batch: limit the
// attempts, unless [Permanent] says already that there is no use.
type FilterError struct {
	Name  string // as given to [WithFilter]; "" if a filter or an Observer.Begun ended the goroutine of its caller
	Err   error  // the error that the filter returned, a description of the panic, or why the context ended
	Stack []byte // of the goroutine when the filter panicked; else nil
}

// errNoReturn is the outcome of a call whose goroutine a filter or an observer ended.
var errNoReturn = &FilterError{Err: errors.New("a filter or Observer.Begun ended the goroutine of its caller")}

// Error names the filter, in one line. It quotes the filter's error, so keep payload
// out of that; of a panic it names the type only.
func (e *FilterError) Error() string {
	err := connect.SingleLine(e.Err)
	if e.Name == "" {
		return fmt.Sprintf("forwarder: %v", err)
	}
	return fmt.Sprintf("forwarder: filter %q: %v", e.Name, err)
}

// Unwrap returns the filter's error; for a panic a description of it, which
// unwraps to the value of the panic when that is an error.
func (e *FilterError) Unwrap() error { return e.Err }

// failed makes the error of the filter with this name.
func failed(name string, err error) *FilterError {
	e := &FilterError{Name: name, Err: err}
	if p, ok := errors.AsType[*panicError](err); ok {
		e.Stack = p.stack
	}
	return e
}

// A panicError is a panic turned into an error. The value of a panic may hold
// payload, so only its type is printed.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panicked (%T)", e.value) }

// Unwrap returns the value of the panic when it was an error. One that would
// drop the batch is not returned: a panic never passes for a decision.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	if _, drop := batch.DropReason(err); drop {
		return nil
	}
	return err
}

// A TooLargeError says that an event fits into no message, or that the messages
// of a batch together do not fit into the buffer. Nothing of the batch was sent.
type TooLargeError struct {
	Event int   // its [batch.Event.Index], the position in the batch as parsed, from 0; -1: the batch as a whole
	Size  int64 // bytes: key, value, headers ([WithHeaders]) and 128 bytes for each message, before compression
	Limit int64 // delivery.max_message_bytes, or delivery.max_buffered_bytes when all messages together are too large
}

// Error gives position, size and limit.
func (e *TooLargeError) Error() string {
	if e.Event < 0 {
		return fmt.Sprintf("forwarder: batch needs %d bytes, the limit is %d", e.Size, e.Limit)
	}
	return fmt.Sprintf("forwarder: event %d needs a message of %d bytes, the limit is %d", e.Event, e.Size, e.Limit)
}

// tooLarge names event i of the filtered batch by its position in the batch as
// parsed, which no dropping changes; an eventless batch has none.
func tooLarge(filtered *batch.Batch, i int, size, limit int64) *TooLargeError {
	e := &TooLargeError{Event: -1, Size: size, Limit: limit}
	position := 0
	for _, event := range filtered.Events() {
		if position == i {
			e.Event = event.Index()
			break
		}
		position++
	}
	return e
}
