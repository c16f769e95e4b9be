package durable

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// What may have been written, and is out of sequence when it is sent again, leaves the
// spool without a doubt if the log shows it. Without the right to look there it goes
// out again.
func TestDurable_outOfSequence(t *testing.T) {
	const describeProducers, notEnoughReplicasAfterAppend, outOfOrder, notAuthorized = forwardertest.Request(61), 20, 45, 29
	for name, readable := range map[string]bool{"may be read": true, "may not be read": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			doubted := make(chan forwarder.DoubtInfo, 10)
			s := openSpool(t, t.TempDir(), small())
			f := start(t, k, s, forwarder.WithObserver(forwarder.Observer{
				Doubted: func(_ context.Context, d forwarder.DoubtInfo) { doubted <- d },
			}))
			ctx := within(t, time.Minute)
			require.NoError(t, f.Forward(ctx, makeBatch(t, 0)))
			if !readable {
				k.Fail(describeProducers, notAuthorized, forwardertest.UntilStopped)
			}
			written := k.Fail(forwardertest.Produce, notEnoughReplicasAfterAppend, 1)
			refused := k.Fail(forwardertest.Produce, outOfOrder, 1)
			require.NoError(t, f.Forward(ctx, makeBatch(t, 1)))
			require.NoError(t, f.Forward(ctx, makeBatch(t, 2)))
			assert.Equal(t, []int{1, 1}, []int{written.Hits(), refused.Hits()})
			drainAll(t, f)
			assert.Zero(t, s.Stats().Messages)
			if readable {
				assert.Empty(t, doubted)
				requireOnce(t, k, 3)
			} else {
				select {
				case d := <-doubted:
					assert.Equal(t, 1, d.Messages)
				case <-ctx.Done():
					t.Error("nothing is in doubt")
				}
				assert.Len(t, k.Messages(t, "events"), 4)
			}
		})
	}
}
