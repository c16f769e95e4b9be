// Package happyeyeballs makes attempts one after the other, and beside each other
// when one takes long.
package happyeyeballs

import (
	"strings"
	"sync"
	"time"
)

// Stagger is how long an attempt may take before the next one begins beside
// it; RFC 8305 has the same number.
const Stagger = 250 * time.Millisecond

// First makes n attempts, each when the one before has failed or takes long,
// and returns the result of the first that succeeds. What comes too late goes
// to surplus. Attempts may outlast the call; group counts them.
func First[T any](group *sync.WaitGroup, n int, attempt func(i int) (T, error), surplus func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result)
	over := make(chan struct{})
	defer close(over)
	begun := 0
	begin := func() {
		i := begun
		begun++
		group.Go(func() {
			v, err := attempt(i)
			select {
			case results <- result{v, err}:
			case <-over:
				if err == nil {
					surplus(v)
				}
			}
		})
	}
	next := time.NewTicker(Stagger)
	defer next.Stop()
	var failures failures
	for begin(); ; {
		select {
		case r := <-results:
			if r.err == nil {
				return r.value, nil
			}
			if failures = append(failures, r.err); len(failures) == n {
				var none T
				return none, failures
			}
		case <-next.C:
		}
		if begun < n {
			next.Reset(Stagger)
			begin()
		}
	}
}

// failures are what went wrong with each attempt.
type failures []error

func (f failures) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap shows them to errors.Is and errors.As.
func (f failures) Unwrap() []error { return f }
