package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// What brokers say when they have lost track of a producer. A first attempt that
// is answered so is not written: the engine begins a new epoch and sends it
// again. The stock producer cannot tell, and gives it up as unknown.
func TestOrder_outOfStep(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		for name, code := range map[string]int16{
			"OUT_OF_ORDER_SEQUENCE_NUMBER": 45, "INVALID_PRODUCER_EPOCH": 47, "UNKNOWN_PRODUCER_ID": 59, "PRODUCER_FENCED": 90,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				sum := refusedNowAndThen(t, p, code)
				if p.stock {
					assert.GreaterOrEqual(t, sum.unknown, 3)
					assert.GreaterOrEqual(t, sum.acknowledged, 100)
					return
				}
				assert.Equal(t, tally{acknowledged: 300}, sum)
			})
		}
	})
}

// The same after an attempt that may have been written: that may be why, so
// sending it with another number could write it twice. It is acknowledged if the
// leader shows it in its log, and otherwise given up as unknown. What waits behind it
// goes on in a new epoch.
func TestOrder_outOfStepLater(t *testing.T) {
	const rounds, each = 5, 20
	const appendedAll, notAppended = 20, 5
	const describeProducers, listOffsets, fetch = forwardertest.Request(61), forwardertest.Request(2), forwardertest.Request(1)
	for name, c := range map[string]struct {
		first, then int16
		hidden      forwardertest.Request // not allowed, or not possible
		refusal     int16
		unknown     int
	}{
		"written, OUT_OF_ORDER_SEQUENCE_NUMBER":     {first: appendedAll, then: 45},
		"written, INVALID_PRODUCER_EPOCH":           {first: appendedAll, then: 47},
		"written, UNKNOWN_PRODUCER_ID":              {first: appendedAll, then: 59},
		"not written, OUT_OF_ORDER_SEQUENCE_NUMBER": {first: notAppended, then: 45, unknown: rounds},
		"written, producers may not be described":   {appendedAll, 45, describeProducers, 29, rounds},
		"written, offsets may not be listed":        {appendedAll, 45, listOffsets, 29, rounds},
		"written, the log may not be read":          {appendedAll, 45, fetch, 29, rounds},
		"written, the log cannot be read":           {appendedAll, 45, fetch, 35, rounds},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			f := open(t, k)
			ctx := within(t, time.Minute)
			var l ledger
			reveal := func() {}
			if c.refusal != 0 {
				reveal = k.Fail(c.hidden, c.refusal, forwardertest.UntilStopped).Stop
			}
			for range rounds {
				e, b := l.make(t, 7, 50)
				l.note(e, f.Forward(ctx, b))
				require.NoError(t, e.err)
				first := k.Fail(forwardertest.Produce, c.first, 1)
				then := k.Fail(forwardertest.Produce, c.then, 1)
				lost := l.send(ctx, t, f, 7, 50) // alone
				require.NoError(t, first.Wait(ctx, 1))
				for range each {
					l.send(ctx, t, f, 7, 50)
				}
				l.waiting.Wait()
				assert.Equal(t, 1, then.Hits())
				assert.Equal(t, c.unknown > 0, lost.err != nil, "%v", lost.err)
			}
			require.NoError(t, f.Shutdown(ctx))
			const all = rounds * (2 + each)
			there := all
			if c.first == notAppended {
				there -= rounds
			}
			reveal()
			assert.Equal(t, tally{acknowledged: all - c.unknown, unknown: c.unknown}, l.check(t, k, 12))
			assert.Len(t, k.Messages(t, "events"), there)
		})
	}
}

// Refused for other reasons: later batches of the user go on, in order.
func TestOrder_afterARefusal(t *testing.T) {
	for name, c := range map[string]struct {
		producer delivering
		code     int16
		check    func(*testing.T, tally)
	}{
		"TOPIC_AUTHORIZATION_FAILED": {engine, 29, func(t *testing.T, sum tally) {
			assert.Equal(t, tally{acknowledged: 300}, sum)
		}},
		"TOPIC_AUTHORIZATION_FAILED, Sarama's producer": {stock, 29, func(t *testing.T, sum tally) {
			assert.GreaterOrEqual(t, sum.unknown, 3)
			assert.GreaterOrEqual(t, sum.acknowledged, 100)
		}},
		// Of several messages each half is tried, and none is refused alone.
		"MESSAGE_TOO_LARGE": {engine, 10, func(t *testing.T, sum tally) {
			assert.Zero(t, sum.unknown)
			assert.LessOrEqual(t, sum.notSent, 3)
		}},
		"MESSAGE_TOO_LARGE, Sarama's producer": {stock, 10, func(t *testing.T, sum tally) {
			assert.GreaterOrEqual(t, sum.unknown, 3)
			assert.GreaterOrEqual(t, sum.acknowledged, 100)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t, refusedNowAndThen(t, c.producer, c.code))
		})
	}
}

// refusedNowAndThen pipelines one user's batches. Now and then a request is
// answered with code.
func refusedNowAndThen(t *testing.T, p delivering, code int16) tally {
	t.Helper()
	k := forwardertest.NewKafka(t)
	f := p.open(t, k)
	ctx := within(t, time.Minute)
	var l ledger
	for i := range 300 {
		if i%100 == 50 {
			l.waiting.Wait()
			k.Fail(forwardertest.Produce, code, 1)
		}
		l.send(ctx, t, f, 7, 50)
	}
	require.NoError(t, f.Shutdown(ctx))
	sum := l.check(t, k, 12)
	t.Logf("%+v", sum)
	return sum
}
