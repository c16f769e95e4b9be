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
// sending it with another number could write it twice. It is given up as unknown,
// and what waits behind it goes on in a new epoch.
func TestOrder_outOfStepLater(t *testing.T) {
	const rounds, each = 5, 20
	for name, c := range map[string]struct {
		first, then int16
		there       bool // the unknown ones
	}{
		"written, OUT_OF_ORDER_SEQUENCE_NUMBER":     {20, 45, true},
		"written, INVALID_PRODUCER_EPOCH":           {20, 47, true},
		"not written, OUT_OF_ORDER_SEQUENCE_NUMBER": {5, 45, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			f := open(t, k)
			ctx := within(t, time.Minute)
			var l ledger
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
				assert.Error(t, lost.err)
			}
			require.NoError(t, f.Shutdown(ctx))
			assert.Equal(t, tally{acknowledged: rounds * (1 + each), unknown: rounds}, l.check(t, k, 12))
			there := rounds * (1 + each)
			if c.there {
				there += rounds
			}
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
