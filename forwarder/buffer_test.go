package forwarder

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBuffer_firstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuffer(100)
		require.NoError(t, b.take(t.Context(), 100))
		var mu sync.Mutex
		var order []int64
		for _, size := range []int64{90, 5, 5, 50} {
			go func() {
				assert.NoError(t, b.take(t.Context(), size))
				mu.Lock()
				defer mu.Unlock()
				order = append(order, size)
			}()
			synctest.Wait()
		}
		b.release(10) // room for the small ones, which must not overtake
		synctest.Wait()
		assert.Empty(t, order)
		b.release(80)
		synctest.Wait()
		assert.Equal(t, []int64{90}, order)
		b.release(10)
		synctest.Wait()
		assert.ElementsMatch(t, []int64{90, 5, 5}, order)
		b.release(90)
		synctest.Wait()
		assert.Len(t, order, 4)
		assert.Equal(t, int64(60), b.used)
	})
}

// Space is taken for the whole or not at all, and nothing is kept by those who
// give up.
func TestBuffer_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuffer(100)
		require.NoError(t, b.take(t.Context(), 60))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		second := make(chan error, 1)
		go func() { second <- b.take(ctx, 60) }()
		synctest.Wait()
		third := make(chan error, 1)
		go func() { third <- b.take(t.Context(), 40) }()
		synctest.Wait()
		assert.Empty(t, third, "it waits behind the second")
		assert.ErrorIs(t, <-second, context.DeadlineExceeded)
		assert.NoError(t, <-third, "it fits now")
		assert.Equal(t, int64(100), b.used)
	})
}

func TestBuffer_close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuffer(100)
		require.NoError(t, b.take(t.Context(), 100))
		waiting := make(chan error, 1)
		go func() { waiting <- b.take(t.Context(), 1) }()
		synctest.Wait()
		b.close()
		b.close()
		assert.ErrorIs(t, <-waiting, ErrClosed)
		assert.ErrorIs(t, b.take(t.Context(), 1), ErrClosed)
		b.release(100)
		assert.Zero(t, b.used)
	})
}

// Space that is given in the instant in which the context ends is either the
// caller's or free again.
func TestBuffer_givenWhileContextEnds(t *testing.T) {
	for range 200 {
		b := newBuffer(100)
		require.NoError(t, b.take(t.Context(), 100))
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error, 1)
		go func() { waiting <- b.take(ctx, 60) }()
		for queued := false; !queued; {
			b.mu.Lock()
			queued = b.waiting.Len() == 1
			b.mu.Unlock()
		}
		go b.release(100)
		cancel()
		err := <-waiting
		require.Eventually(t, func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			if err == nil {
				return b.used == 60
			}
			return b.used == 0
		}, time.Minute, time.Microsecond, "%v", err)
	}
}

// A batch that counts for more than the buffer takes all of it, and gives back no
// more than that.
func TestBuffer_largerThanTheLimit(t *testing.T) {
	b := newBuffer(100)
	require.NoError(t, b.take(t.Context(), 250))
	assert.Equal(t, int64(100), b.used)
	b.release(250)
	assert.Zero(t, b.used)
}
