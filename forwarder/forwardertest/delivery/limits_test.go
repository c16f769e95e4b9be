package delivery

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// Brokers refuse record batches. With the engine a message fails alone, since the
// others go again without it; with the stock producer they fail with it, which
// is a stated limit, and Permanent is wrong about them.
func TestLimit_neighbours(t *testing.T) {
	both(t, func(t *testing.T, p producer) {
		k := forwardertest.NewKafka(t)
		s := k.Settings()
		s.Delivery.Linger = 200 * time.Millisecond // they travel together
		f := p.start(t, s)
		var l ledger
		first, b := l.make(t, 7, 10)
		l.note(first, f.Forward(within(t, 10*time.Second), b))
		refusals := p.share(3, 1) // all three, then the half of one, then that one alone
		k.Fail(forwardertest.Produce, 10, refusals)
		for range 3 {
			l.send(within(t, 10*time.Second), t, f, 7, 10)
		}
		l.waiting.Wait()
		for _, e := range l.entries[1:] {
			if !p.stock && e.n > 1 {
				require.NoError(t, e.err)
				continue
			}
			require.ErrorIs(t, e.err, sarama.ErrMessageSizeTooLarge)
			assert.True(t, forwarder.Permanent(e.err))
			assert.Equal(t, !p.stock, forwarder.NothingSent(e.err))
		}
		l.check(t, k, 12)
	})
}

// Worked round: AsyncProducer's circuit breaker, which opens after three
// failures to find a leader and then fails everything for ten seconds.
func TestLimit_circuitBreaker(t *testing.T) {
	long(t)
	for name, start := range map[string]func(*forwardertest.Kafka) *forwardertest.Fault{
		"leaderless": outages["leaderless"], "unreachable": outages["unreachable"],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			f := stock.open(t, k)
			var l ledger
			l.send(t.Context(), t, f, 7, 10)
			l.waiting.Wait()
			fault := start(k)
			for range 50 { // for several searches each
				l.send(t.Context(), t, f, 7, 10)
				<-time.After(100 * time.Millisecond)
			}
			fault.Stop()
			require.NoError(t, f.Shutdown(within(t, time.Minute)))
			assert.Equal(t, tally{acknowledged: 51}, l.check(t, k, 12))
		})
	}
}

// Sarama's global logger and the like stay as the program has set them.
func TestLimit_globals(t *testing.T) {
	before := globals()
	k := forwardertest.NewKafka(t)
	f := open(t, k)
	var l ledger
	_, b := l.make(t, 7, 10)
	require.NoError(t, f.Forward(within(t, 10*time.Second), b))
	require.NoError(t, f.Close())
	assert.Equal(t, before, globals())
}

//nolint:forbidigo // to see that nobody has set them
func globals() []any {
	return []any{sarama.Logger, sarama.DebugLogger, sarama.PanicHandler == nil, sarama.MaxRequestSize, sarama.MaxResponseSize}
}
