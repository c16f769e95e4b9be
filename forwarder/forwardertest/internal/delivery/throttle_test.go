package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// Close does not wait for the end of a quota's pause, whichever request it came
// with.
func TestThrottled_close(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		for name, r := range map[string]forwardertest.Request{
			"Produce": forwardertest.Produce, "Metadata": forwardertest.Metadata, "InitProducerID": forwardertest.InitProducerID,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				const throttle = time.Minute
				k := forwardertest.NewKafka(t)
				fault := k.ThrottleAnswers(r, throttle)
				f := p.open(t, k, forwarder.WithoutProbe())
				var l ledger
				ctx := within(t, throttle)
				l.send(ctx, t, f, 7, 10)
				require.NoError(t, fault.Wait(ctx, 1))
				for range 3 { // for the pause
					l.send(ctx, t, f, 7, 10)
					<-time.After(20 * time.Millisecond)
				}
				start := time.Now()
				require.NoError(t, f.Close())
				assert.Less(t, time.Since(start), machine.Allow(throttle/2, start), "it did not wait for the pause")
				l.waiting.Wait()
				for _, e := range l.entries {
					if e.err != nil {
						assert.ErrorIs(t, e.err, forwarder.ErrClosed)
					}
				}
			})
		}
	})
}
