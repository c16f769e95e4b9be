package ctxwait

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

var errFailed = errors.New("failed")

func TestDo_returnsWhatFReturns(t *testing.T) {
	n, err := Do(t.Context(), 0, func() (int, error) { return 7, errFailed }, nil)
	assert.Equal(t, 7, n)
	assert.Equal(t, errFailed, err)
}

func TestDo_endsGoroutine(t *testing.T) {
	n, err := Do(t.Context(), 0, func() (int, error) { runtime.Goexit(); return 7, nil }, nil)
	assert.Zero(t, n)
	assert.Equal(t, errGoroutineEnded, err)
}

// What comes after the end of the context, and after the grace, is discarded.
func TestDo_late(t *testing.T) {
	for name, c := range map[string]struct {
		takes, grace time.Duration
		inTime       bool
	}{
		"before the end":  {takes: time.Second, inTime: true},
		"after it":        {takes: 3 * time.Second},
		"in the grace":    {takes: 3 * time.Second, grace: 2 * time.Second, inTime: true},
		"after the grace": {takes: 5 * time.Second, grace: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				start := time.Now()
				var discarded []int
				n, err := Do(ctx, c.grace, func() (int, error) {
					time.Sleep(c.takes) //nolint:forbidigo // in a bubble: it stands for code that heeds no context
					return 7, nil
				}, func(n int, err error) {
					assert.NoError(t, err)
					discarded = append(discarded, n)
				})
				took := time.Since(start)
				time.Sleep(time.Minute) //nolint:forbidigo // in a bubble
				synctest.Wait()
				if c.inTime {
					assert.NoError(t, err)
					assert.Equal(t, 7, n)
					assert.Equal(t, c.takes, took)
					assert.Empty(t, discarded)
					return
				}
				assert.Equal(t, context.DeadlineExceeded, err)
				assert.Zero(t, n)
				assert.Equal(t, 2*time.Second+c.grace, took)
				assert.Equal(t, []int{7}, discarded)
			})
		})
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		assert.True(t, Sleep(ctx, time.Second))
		assert.False(t, Sleep(ctx, time.Minute))
		assert.Equal(t, 2*time.Second, time.Since(start))
	})
}

func TestErr(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	assert.NoError(t, Err(ctx))
	cancel(errFailed)
	assert.ErrorIs(t, Err(ctx), context.Canceled)
	assert.ErrorIs(t, Err(ctx), errFailed)

	ctx, cancel = context.WithCancelCause(t.Context())
	cancel(nil)
	assert.Equal(t, context.Canceled, Err(ctx))
}
