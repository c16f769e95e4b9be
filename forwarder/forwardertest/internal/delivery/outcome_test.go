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

// What is with no broker when ctx ends is withdrawn and never arrives; the rest
// goes on, and Wait tells its end without sending anything. Of the stock
// producer that is what it has, of the engine what is in a request.
func TestOutcome_contextEnds(t *testing.T) {
	for name, c := range map[string]struct {
		producer    delivering
		start       func(*forwardertest.Kafka) *forwardertest.Fault
		least, most int // unknown
	}{
		"certainly not written": {engine, replicasMissing, 0, 0},
		"perhaps written":       {engine, timedOut, 1, 6},
		"silent":                {engine, outages["silent"], 1, 12},
		"Sarama's producer":     {stock, replicasMissing, 1, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			f := c.producer.open(t, k)
			var l ledger
			first, b := l.make(t, 7, 10)
			l.note(first, f.Forward(t.Context(), b))
			fault := c.start(k)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range 30 { // of 100 KB each
				l.send(ctx, t, f, 7, 100_000)
			}
			if c.most == 0 {
				amidPause(t, fault)
			} else {
				<-time.After(patience)
			}
			cancel()
			l.waiting.Wait()
			var unknown, notSent int
			for _, e := range l.entries[1:] {
				require.ErrorIs(t, e.err, context.Canceled)
				if forwarder.NothingSent(e.err) {
					notSent++
					continue
				}
				unknown++
				assert.Zero(t, notSent, "what goes first is handed over first")
			}
			assert.GreaterOrEqual(t, unknown, c.least)
			assert.LessOrEqual(t, unknown, c.most)

			fault.Stop()
			l.settle(within(t, time.Minute))
			require.NoError(t, f.Shutdown(within(t, time.Minute)))
			assert.Equal(t, tally{acknowledged: 1 + unknown, notSent: notSent}, l.check(t, k, 12))
		})
	}
}

func replicasMissing(k *forwardertest.Kafka) *forwardertest.Fault {
	return k.Fail(forwardertest.Produce, 19, forwardertest.UntilStopped)
}

func notAllowed(k *forwardertest.Kafka) *forwardertest.Fault {
	return k.Fail(forwardertest.Produce, 29, forwardertest.UntilStopped)
}

func timedOut(k *forwardertest.Kafka) *forwardertest.Fault {
	return k.Fail(forwardertest.Produce, 7, forwardertest.UntilStopped)
}

// Close decides: nothing is claimed that is not certain.
func TestOutcome_close(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		for name, start := range outages {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
				f := p.open(t, k)
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
	})
}

// Close while all is well loses nothing that was acknowledged, and what it
// aborts is decided.
func TestOutcome_closeUnderLoad(t *testing.T) {
	long(t)
	both(t, func(t *testing.T, p delivering) {
		for range p.share(5, 1) {
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			f := p.open(t, k)
			var l ledger
			for i := range 3000 {
				l.send(t.Context(), t, f, int64(i%50+1), 500)
			}
			start := time.Now()
			require.NoError(t, f.Close())
			took := time.Since(start)
			l.waiting.Wait()
			t.Logf("%+v, Close took %v", l.check(t, k, 12), took)
			assert.Less(t, took, machine.Allow(time.Second, start))
		}
	})
}

// While it is the topic itself that may not be seen, delivery waits.
func TestOutcome_metadataRefused(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		t.Parallel()
		k := forwardertest.NewKafka(t)
		fault := k.Fail(forwardertest.Metadata, 29, forwardertest.UntilStopped)
		f := p.open(t, k, forwarder.WithoutProbe())
		var l ledger
		e, b := l.make(t, 7, 10)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err := f.Forward(ctx, b)
		l.note(e, err)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "not authorized")
		assert.True(t, forwarder.NothingSent(err))
		fault.Stop()
		e, b = l.make(t, 7, 10)
		l.note(e, f.Forward(within(t, time.Minute), b))
		assert.Equal(t, tally{acknowledged: 1, notSent: 1}, l.check(t, k, 12))
	})
}

// A right that is missing can be granted, so delivery waits for it, and nothing
// is written or unknown until then.
func TestOutcome_authorisation(t *testing.T) {
	for name, code := range map[string]int16{"topic": 29, "cluster": 31} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			f := open(t, k)
			fault := k.Fail(forwardertest.Produce, code, forwardertest.UntilStopped)
			var l ledger
			withdrawn, b := l.make(t, 7, 10)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			f.ForwardAsync(ctx, b, func(err error) { done <- err })
			amidPause(t, fault)
			cancel()
			err := <-done
			l.note(withdrawn, err)
			require.ErrorIs(t, err, context.Canceled)
			assert.ErrorContains(t, err, "not authorized")
			assert.True(t, forwarder.NothingSent(err))
			assert.False(t, forwarder.Permanent(err))
			l.send(t.Context(), t, f, 7, 10)
			require.NoError(t, fault.Wait(within(t, time.Minute), fault.Hits()+2))
			fault.Stop()
			l.waiting.Wait()
			assert.Equal(t, tally{acknowledged: 1, notSent: 1}, l.check(t, k, 12))
		})
	}
}

// From the stock producer an ACL refusal comes back at once: unknown, and not
// permanent.
func TestOutcome_authorisationAtOnce(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := stock.open(t, k)
	k.Fail(forwardertest.Produce, 29, forwardertest.UntilStopped)
	var l ledger
	_, b := l.make(t, 7, 10)
	start := time.Now()
	err := f.Forward(within(t, time.Minute), b)
	assert.ErrorContains(t, err, "not authorized")
	assert.False(t, forwarder.NothingSent(err))
	assert.False(t, forwarder.Permanent(err))
	assert.Less(t, time.Since(start), machine.Allow(5*time.Second, start))
}
