package delivery

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// One user's batches are written to one partition in the order they were
// accepted, without loss or duplicates, through faults of every kind at once.
func TestOrder_throughFaults(t *testing.T) {
	long(t)
	both(t, func(t *testing.T, p delivering) {
		machinelock.Lock(t)
		k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
		f := p.open(t, k)
		ctx := within(t, 3*time.Minute)
		var l ledger
		stop := make(chan struct{})
		var work sync.WaitGroup
		const users = 60
		for w := range 6 { // each pipelines ten users of its own
			work.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					l.send(ctx, t, f, int64(w*10+i%10+1), 200)
					if i%20 == 0 {
						<-time.After(time.Millisecond)
					}
				}
			})
		}
		seed := time.Now().UnixNano()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		for range p.share(25, 10) {
			trouble(k, random)
			<-time.After(time.Duration(50+random.IntN(150)) * time.Millisecond)
		}
		close(stop)
		work.Wait()
		require.NoError(t, f.Shutdown(ctx))
		sum := l.check(t, k, 12)
		t.Logf("%+v, %d faults hit", sum, k.FaultHits())
		assert.Zero(t, sum.unknown+sum.notSent)
		assert.Greater(t, sum.acknowledged, users)
		assert.Greater(t, k.FaultHits(), p.share(20, 5))
	})
}

// trouble starts a fault that passes.
func trouble(k *forwardertest.Kafka, random *rand.Rand) {
	broker := random.IntN(3)
	switch random.IntN(8) {
	case 0:
		k.MoveLeaders()
	case 1:
		k.LoseAnswers(forwardertest.Produce, 2, broker)
	case 2:
		k.Fail(forwardertest.Produce, 20, 3)
	case 3:
		k.Fail(forwardertest.Produce, 7, 3)
	case 4:
		k.Fail(forwardertest.Produce, 19, 3)
	case 5:
		k.CutConnections()
	case 6:
		f := k.Unreachable(broker)
		<-time.After(100 * time.Millisecond)
		f.Stop()
	case 7:
		f := k.Silence(broker)
		<-time.After(100 * time.Millisecond)
		f.Stop()
	}
}

// If call A was accepted before call B began, A precedes B, whichever
// goroutine makes the calls.
func TestOrder_acrossGoroutines(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		k := forwardertest.NewKafka(t)
		f := p.open(t, k)
		ctx := within(t, time.Minute)
		var l ledger
		turn := make(chan struct{}, 1)
		turn <- struct{}{}
		var work sync.WaitGroup
		for range 8 {
			work.Go(func() {
				for range 50 {
					<-turn
					l.send(ctx, t, f, 7, 50)
					turn <- struct{}{}
				}
			})
		}
		work.Wait()
		require.NoError(t, f.Shutdown(ctx))
		assert.Equal(t, tally{acknowledged: 400}, l.check(t, k, 12))
	})
}

// A message that may be with the broker keeps its place when its caller stops
// waiting: later ones go behind it. With the stock producer that is each message
// that was handed over, also what was refused.
func TestOrder_afterADeadline(t *testing.T) {
	for name, c := range map[string]struct {
		producer delivering
		start    func(*forwardertest.Kafka) *forwardertest.Fault
	}{
		"REQUEST_TIMED_OUT":                      {engine, timedOut},
		"REQUEST_TIMED_OUT, Sarama's producer":   {stock, timedOut},
		"silent":                                 {engine, outages["silent"]},
		"silent, Sarama's producer":              {stock, outages["silent"]},
		"NOT_ENOUGH_REPLICAS, Sarama's producer": {stock, replicasMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			f := c.producer.open(t, k)
			var l ledger
			first, b := l.make(t, 7, 10)
			l.note(first, f.Forward(t.Context(), b))
			fault := c.start(k)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			second, b := l.make(t, 7, 10)
			l.note(second, f.Forward(ctx, b))
			require.ErrorIs(t, second.err, context.DeadlineExceeded)
			assert.False(t, forwarder.NothingSent(second.err))
			l.send(t.Context(), t, f, 7, 10)
			fault.Stop()
			require.NoError(t, f.Shutdown(within(t, time.Minute)))
			l.settle(t.Context())
			assert.Equal(t, tally{acknowledged: 3}, l.check(t, k, 12))
		})
	}
}

// Growth moves users. Their order across the move holds for batches that are
// forwarded after the earlier ones were acknowledged.
func TestOrder_growth(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 2))
	f := open(t, k)
	ctx := within(t, time.Minute)
	var l ledger
	for user := range int64(20) {
		l.send(ctx, t, f, user+1, 10)
	}
	l.waiting.Wait()
	require.NoError(t, k.AddPartitions(ctx, "events", 6))
	k.CutConnections() // makes it look at the topic again
	for user := range int64(20) {
		l.send(ctx, t, f, user+1, 10)
		l.waiting.Wait()
	}
	for _, e := range l.entries {
		assert.NoError(t, e.err)
	}
	assert.Len(t, k.Messages(t, "events"), 40)
}
