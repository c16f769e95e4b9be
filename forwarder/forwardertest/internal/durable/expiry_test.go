package durable

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A partition has no leader for longer than brokers keep a producer's numbers: what
// may have been written there is in doubt, and nothing else.
func TestStore_leaderlessBeyondTheExpiry(t *testing.T) {
	for name, c := range map[string]struct {
		expiration time.Duration
		held       int
	}{
		"as Kafka's default": {0, 0},
		"shorter":            {2 * time.Millisecond, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, dir := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 1)), t.TempDir()
			lost := k.LoseAnswers(forwardertest.Produce, forwardertest.UntilStopped)
			s := openSpool(t, dir, small())
			f := start(t, k, s)
			require.NoError(t, f.Store(t.Context(), makeBatch(t, 0)))
			require.NoError(t, lost.Wait(within(t, patience), 1))
			require.NoError(t, f.Close())
			require.NoError(t, s.Close())
			lost.Stop()

			away := k.Leaderless("events", 0)
			<-time.After(5 * time.Millisecond)
			o := small()
			o.OnDoubt, o.ProducerIDExpiration = spool.Hold, c.expiration
			doubts := make(chan forwarder.DoubtInfo, 2)
			s = openSpool(t, dir, o)
			f = start(t, k, s, forwarder.WithObserver(forwarder.Observer{
				Doubted: func(_ context.Context, i forwarder.DoubtInfo) { doubts <- i },
			}))
			require.NoError(t, f.Store(t.Context(), makeBatch(t, 1)))
			away.Stop()
			drainAll(t, f)
			require.Len(t, doubts, c.held)
			if c.held > 0 {
				info := <-doubts
				require.ErrorContains(t, info.Cause, "producer.id.expiration.ms")
				assert.Equal(t, forwarder.DoubtInfo{Partition: 0, Messages: 1, Held: true, Cause: info.Cause}, info)
			}
			assert.Equal(t, c.held, s.Stats().Refused)
			requireOnce(t, k, 2) // the one in doubt had been written
		})
	}
}
