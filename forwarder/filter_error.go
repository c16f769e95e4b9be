package forwarder

import (
	"errors"
	"fmt"

	"github.com/eventferry/eventferry/batch"
)

// A FilterError is a filter that failed or panicked, or that the end of the
// context kept from finishing. Nothing of the batch was sent, and no other call
// is affected.
type FilterError struct {
	Name  string // as given to [WithFilter]; "" if a filter ended the goroutine of its caller
	Err   error  // what the filter returned, a description of the panic, or why the context ended
	Stack []byte // of the goroutine when the filter panicked; else nil
}

// errNoReturn is the outcome of a call whose goroutine a filter ended.
var errNoReturn = &FilterError{Err: errors.New("a filter ended the goroutine of its caller")}

// Error names the filter. It quotes what the filter returned, so keep payload
// out of a filter's errors; of a panic it names the type only.
func (e *FilterError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("forwarder: %v", e.Err)
	}
	return fmt.Sprintf("forwarder: filter %q: %v", e.Name, e.Err)
}

// Unwrap returns what the filter returned; of a panic its description, which
// unwraps to the value of the panic when that is an error.
func (e *FilterError) Unwrap() error { return e.Err }

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
// drop the batch is kept back: a panic never passes for a decision.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	if _, drop := batch.DropReason(err); drop {
		return nil
	}
	return err
}
