package receiver

import (
	"context"
	"sync"
	"time"
)

// A deadlineClock gives out contexts that end within a time. Requests that come
// together share one: a timer for each would cost more than anything else that is
// allocated for a request.
type deadlineClock struct {
	within time.Duration

	mu      sync.Mutex
	current context.Context
	until   time.Time // when current is given to no more requests
}

// sharePart is the part of the time by which a request may lose some of it.
const sharePart = 64

// next returns a context for a request: it ends when the time is up, not when the
// client hangs up, which must not make the outcome of what it has posted unknown.
// The values are those of the request.
func (c *deadlineClock) next(request context.Context) context.Context {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil || now.After(c.until) {
		shared, cancel := context.WithTimeout(context.Background(), c.within)
		context.AfterFunc(shared, cancel) // nothing ends it early
		c.current = shared
		c.until = now.Add(c.within / sharePart)
	}
	return &requestContext{c.current, request}
}

// A requestContext ends with a deadline and has the values of a request.
type requestContext struct {
	context.Context
	request context.Context
}

// Value asks the deadline first, so that package context finds out how to end what is
// derived from it.
func (c *requestContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil {
		return v
	}
	return c.request.Value(key)
}
