package delivery

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// Brokers refuse record batches. With the engine a message fails alone, since the
// others go again without it; with the stock producer they fail with it, which
// is a stated limit, and Permanent is wrong about them.
func TestLimit_neighbours(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		k := forwardertest.NewKafka(t)
		s := k.Settings()
		s.Delivery.Linger = 200 * time.Millisecond // they travel together
		f := p.start(t, s)
		var l ledger
		first, b := l.make(t, 7, 10)
		l.note(first, f.Forward(within(t, time.Minute), b))
		refusals := p.share(2, 1) // all three, then the first alone: halves of three are one each
		k.Fail(forwardertest.Produce, 10, refusals)
		for range 3 {
			l.send(within(t, time.Minute), t, f, 7, 10)
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

// A limit: circuit breakers that Close has opened sleep on, one for each partition
// that had no leader, and end.
func TestLimit_circuitBreakersEnd(t *testing.T) {
	long(t)
	const partitions = 4
	in := func(function string) int {
		stacks := make([]byte, 1<<24)
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), function+"(")
	}
	const sleeping = "breaker.(*Breaker).timer"
	none := func() bool { return in(sleeping) == 0 }
	require.Eventually(t, none, time.Minute, 100*time.Millisecond, "those of other tests")
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("few", partitions))
	s := k.Settings()
	s.TopicName = "few"
	f := stock.start(t, s)
	l := ledger{topic: "few"}
	defer k.Leaderless("few").Stop()
	for i := range 40 {
		l.send(t.Context(), t, f, int64(i+1), 10)
	}
	require.Eventually(t, func() bool { return in("asyncproducer.client.Leader") == partitions }, time.Minute, 100*time.Millisecond)
	require.NoError(t, f.Close())
	l.waiting.Wait()
	n := in(sleeping)
	assert.NotZero(t, n)
	assert.LessOrEqual(t, n, partitions)
	assert.Eventually(t, none, time.Minute, 100*time.Millisecond)
}

// The stock producer bounds record batches, not requests: after a closed
// connection each goes alone, and gets through.
func TestLimit_requestSize(t *testing.T) {
	for limit, largest := range map[int]int{1_046_528: 1_000_000, 200_000: 190_000, 20_000: 18_000} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			s := k.Settings()
			s.Delivery.Compression = settings.NoCompression
			s.Delivery.MaxMessageBytes = largest
			fault := k.LimitRequests(limit)
			f := stock.start(t, s)
			var l ledger
			const batches = 600
			for i := range batches {
				l.send(within(t, time.Minute), t, f, int64(i%40+1), 9_000)
			}
			l.waiting.Wait()
			assert.Equal(t, tally{acknowledged: batches}, l.check(t, k, 12))
			if limit < 100_000 { // how much gathers for a larger request is up to the machine
				assert.NotZero(t, fault.Hits(), "the limit was never met")
			}
		})
	}
}

// A silent bootstrap server costs the stock producer a time-out, no more.
func TestLimit_silentServers(t *testing.T) {
	long(t)
	t.Parallel()
	k := forwardertest.NewKafka(t)
	silent := forwardertest.NewKafka(t)
	silent.Silence()
	s := k.Settings()
	s.BootstrapServers = strings.Join(append(silent.Servers(), k.Servers()...), ",")
	f := stock.start(t, s, forwarder.WithoutProbe())
	assert.NoError(t, f.Forward(within(t, 2*time.Minute), keyless(t)))
}

// Sarama's global logger and the like stay as the program has set them.
func TestLimit_globals(t *testing.T) {
	before := globals()
	k := forwardertest.NewKafka(t)
	f := open(t, k)
	var l ledger
	_, b := l.make(t, 7, 10)
	require.NoError(t, f.Forward(within(t, time.Minute), b))
	require.NoError(t, f.Close())
	assert.Equal(t, before, globals())
}

//nolint:forbidigo // to see that nobody has set them
func globals() []any {
	return []any{sarama.Logger, sarama.DebugLogger, sarama.PanicHandler == nil, sarama.MaxRequestSize, sarama.MaxResponseSize}
}
