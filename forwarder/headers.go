package forwarder

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A Header is a header of a Kafka message.
type Header struct {
	Key   string // UTF-8, not empty, and not beginning with "eventferry-"
	Value []byte // nil is sent as an empty value
}

// A headerFunc is a function given to WithHeaders.
type headerFunc = func(context.Context, *batch.Batch) []Header

// ownHeaders begins the keys of the headers that are eventferry's own.
const ownHeaders = "eventferry-"

var errNilHeaders = errors.New("forwarder: a function of WithHeaders is nil")

// A HeaderError says that a function of [WithHeaders] panicked or returned a header
// that cannot be sent. Nothing of the batch was sent, and no other call is affected.
type HeaderError struct {
	Option int    // which WithHeaders, counted from 0
	Err    error  // what is wrong, or a description of the panic
	Stack  []byte // of the goroutine when the function panicked; else nil
}

// Error says which function it was. It quotes the key of a header that begins with
// "eventferry-" and no other, and no value; of a panic it names the type only.
func (e *HeaderError) Error() string {
	return fmt.Sprintf("forwarder: headers (WithHeaders %d): %v", e.Option, connect.SingleLine(e.Err))
}

// Unwrap returns the cause; for a panic a description of it, which unwraps to the
// value of the panic when that is an error.
func (e *HeaderError) Unwrap() error { return e.Err }

// makeHeaders asks the functions for the headers of a filtered batch.
func makeHeaders(ctx context.Context, functions []headerFunc, filtered *batch.Batch) ([]producer.Header, error) {
	if len(functions) == 0 {
		return nil, nil
	}
	shown := filtered.Clone() // what the functions edit is not sent
	var all []producer.Header
	for i, f := range functions {
		list, err := callHeaderFunc(ctx, f, shown)
		if err != nil {
			return nil, headersFailed(i, err)
		}
		all = slices.Grow(all, len(list))
		for at, h := range list {
			if err := h.check(); err != nil {
				return nil, headersFailed(i, fmt.Errorf("header %d of %d: %w", at, len(list), err))
			}
			all = append(all, producer.Header(h))
		}
	}
	return all, nil
}

func callHeaderFunc(ctx context.Context, f headerFunc, b *batch.Batch) (list []Header, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return f(ctx, b), nil
}

func headersFailed(option int, err error) *HeaderError {
	e := &HeaderError{Option: option, Err: err}
	if p, ok := errors.AsType[*panicError](err); ok {
		e.Stack = p.stack
	}
	return e
}

func (h Header) check() error {
	switch {
	case h.Key == "":
		return errors.New("its key is empty")
	case !utf8.ValidString(h.Key):
		return errors.New("its key is no UTF-8")
	case strings.HasPrefix(h.Key, ownHeaders):
		return fmt.Errorf("key %q: those that begin with %q are eventferry's own", h.Key, ownHeaders)
	default:
		return nil
	}
}
