package timestamp

import (
	"context"
	"time"
)

type clockKey struct{}

// NewContext returns a context in which a forwarder that is built dates messages
// by now instead of the wall clock, which a test of a whole program cannot set.
// Nothing else in the forwarder follows it.
func NewContext(ctx context.Context, now func() time.Time) context.Context {
	return context.WithValue(ctx, clockKey{}, now)
}

// FromContext returns what NewContext was given, or nil.
func FromContext(ctx context.Context) func() time.Time {
	now, _ := ctx.Value(clockKey{}).(func() time.Time)
	return now
}
