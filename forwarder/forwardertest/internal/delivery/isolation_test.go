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

// A partition that waits holds up no other, whatever it waits for and however
// much is queued for it.
func TestIsolation_partitions(t *testing.T) {
	long(t)
	both(t, func(t *testing.T, p delivering) {
		for name, start := range map[string]func(*forwardertest.Kafka) *forwardertest.Fault{
			"no leader": func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Leaderless("events", 3) },
			"replicas out of sync": func(k *forwardertest.Kafka) *forwardertest.Fault {
				return k.Fail(forwardertest.Produce, 19, forwardertest.UntilStopped, 3)
			},
			"its broker is dead":      func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Unreachable(0) },
			"its broker says nothing": func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Silence(0) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3)) // partition 3 is led by broker 0, as 0, 6 and 9
				f := p.open(t, k)
				var l ledger
				for partition := range int32(12) {
					l.send(t.Context(), t, f, userOn(partition, 12, 0), 10)
				}
				l.waiting.Wait()
				fault := start(k)
				var stuck ledger
				for i := range p.share(5000, 1000) {
					stuck.send(t.Context(), t, f, userOn(3, 12, i%5), 1000)
				}
				var slowest time.Duration
				began := time.Now()
				for i := range p.share(50, 20) {
					for _, partition := range []int32{1, 2, 4, 5, 7, 8, 10, 11} {
						_, b := l.make(t, userOn(partition, 12, i%3), 10)
						start := time.Now()
						require.NoError(t, f.Forward(within(t, time.Minute), b))
						slowest = max(slowest, time.Since(start))
					}
				}
				t.Logf("slowest %v", slowest)
				if !racing {
					assert.Less(t, slowest, machine.Allow(5*time.Second, began))
				}
				fault.Stop()
				require.NoError(t, f.Shutdown(within(t, 2*time.Minute)))
				for _, e := range stuck.entries {
					require.NoError(t, e.err)
				}
			})
		}
	})
}

// A batch without a user id goes where there is a leader now.
func TestIsolation_keyless(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
		defer k.Leaderless("events", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10).Stop()
		f := p.open(t, k, forwarder.WithoutProbe())
		for range 20 {
			assert.NoError(t, f.Forward(within(t, time.Minute), keyless(t)))
		}
	})
}

// An event that is too large holds up no other event.
func TestIsolation_tooLarge(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := open(t, k)
	var l ledger
	_, large := l.make(t, 7, 2_000_000)
	_, small := l.make(t, 7, 10)
	err := f.Forward(context.Background(), large)
	var tooLarge *forwarder.TooLargeError
	require.ErrorAs(t, err, &tooLarge)
	assert.True(t, forwarder.Permanent(err))
	assert.True(t, forwarder.NothingSent(err))
	assert.NoError(t, f.Forward(within(t, time.Minute), small))
	assert.Len(t, k.Messages(t, "events"), 1)
}
