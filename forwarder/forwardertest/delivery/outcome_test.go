package delivery

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// What was not handed over when ctx ended is withdrawn and never arrives; the
// rest goes on, and Wait tells its end without sending anything.
func TestOutcome_contextEnds(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := open(t, k)
	var l ledger
	first, b := l.make(t, 7, 10)
	l.note(first, f.Forward(t.Context(), b))
	fault := k.Fail(forwardertest.Produce, 19, forwardertest.UntilStopped)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 30 { // of 100 KB each: one record batch is about ten of them
		l.send(ctx, t, f, 7, 100_000)
	}
	l.waiting.Wait()
	var unknown, notSent int
	for _, e := range l.entries[1:] {
		require.ErrorIs(t, e.err, context.DeadlineExceeded)
		if forwarder.NothingSent(e.err) {
			notSent++
			continue
		}
		unknown++
		assert.Zero(t, notSent, "what goes first is handed over first")
	}
	assert.Positive(t, unknown)
	assert.GreaterOrEqual(t, notSent, 20)

	fault.Stop()
	l.settle(within(t, 30*time.Second))
	require.NoError(t, f.Shutdown(within(t, 30*time.Second)))
	assert.Equal(t, tally{acknowledged: 1 + unknown, notSent: notSent}, l.check(t, k, 12))
}

// Close decides: nothing is claimed that is not certain.
func TestOutcome_close(t *testing.T) {
	for name, start := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			f := open(t, k)
			var l ledger
			for i := range 50 {
				l.send(t.Context(), t, f, int64(i+1), 100)
			}
			l.waiting.Wait()
			for i := range 50 {
				l.send(t.Context(), t, f, int64(i+1), 100)
			}
			fault := start(k)
			for range 30 {
				l.send(t.Context(), t, f, 7, 100_000)
			}
			require.NoError(t, f.Close())
			for _, e := range l.entries {
				require.True(t, e.decided, "Close waits for all functions of callers")
				if e.err != nil {
					require.ErrorIs(t, e.err, forwarder.ErrClosed)
				}
			}
			assert.Error(t, f.Shutdown(t.Context()), "some were given up")
			fault.Stop()
			sum := l.check(t, k, 12)
			t.Logf("%+v", sum)
			assert.GreaterOrEqual(t, sum.acknowledged, 50)
			assert.GreaterOrEqual(t, sum.notSent, 15)
		})
	}
}

// Close while all is well loses nothing that was acknowledged, and what it
// aborts is decided.
func TestOutcome_closeUnderLoad(t *testing.T) {
	long(t)
	for range 5 {
		k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
		f := open(t, k)
		var l ledger
		for i := range 3000 {
			l.send(t.Context(), t, f, int64(i%50+1), 500)
		}
		start := time.Now()
		require.NoError(t, f.Close())
		took := time.Since(start)
		l.waiting.Wait()
		t.Logf("%+v, Close took %v", l.check(t, k, 12), took)
		assert.Less(t, took, time.Second)
	}
}

// While it is the topic itself that may not be seen, delivery waits.
func TestOutcome_metadataRefused(t *testing.T) {
	k := forwardertest.NewKafka(t)
	fault := k.Fail(forwardertest.Metadata, 29, forwardertest.UntilStopped)
	f, err := forwarder.New(within(t, 10*time.Second), k.Settings(), quiet(), forwarder.WithoutProbe())
	require.NoError(t, err)
	defer f.Close()
	var l ledger
	e, b := l.make(t, 7, 10)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = f.Forward(ctx, b)
	l.note(e, err)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "not authorized")
	assert.True(t, forwarder.NothingSent(err))
	fault.Stop()
	e, b = l.make(t, 7, 10)
	l.note(e, f.Forward(within(t, 10*time.Second), b))
	assert.Equal(t, tally{acknowledged: 1, notSent: 1}, l.check(t, k, 12))
}

// An ACL refusal comes back at once: unknown, and not permanent.
func TestOutcome_authorisation(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := open(t, k)
	k.Fail(forwardertest.Produce, 29, forwardertest.UntilStopped)
	var l ledger
	_, b := l.make(t, 7, 10)
	start := time.Now()
	err := f.Forward(within(t, 10*time.Second), b)
	assert.ErrorContains(t, err, "not authorized")
	assert.False(t, forwarder.NothingSent(err))
	assert.False(t, forwarder.Permanent(err))
	assert.Less(t, time.Since(start), 5*time.Second)
}
