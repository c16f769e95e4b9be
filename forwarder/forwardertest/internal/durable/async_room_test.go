package durable

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// TestForwardAsync_waitsForRoom: calls that wait for Kafka take a quarter of the
// buffer, then the next one blocks, with its batch stored already. Store goes on
// meanwhile, and the end of a context, or Kafka, frees the room.
func TestForwardAsync_waitsForRoom(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = 100_000, 400_000
	f, err := forwarder.New(t.Context(), s, forwarder.WithSpool(openSpool(t, t.TempDir(), small())), forwarder.WithLogger(quiet))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	silence := k.Silence()
	defer silence.Stop()

	var answered sync.WaitGroup
	forward := func(ctx context.Context, from int) (given <-chan int) {
		blocked := make(chan int, 1)
		go func() {
			n := from
			for ; ctx.Err() == nil && n < from+1000; n++ {
				answered.Add(1)
				f.ForwardAsync(ctx, makeBatch(t, n), func(err error) {
					defer answered.Done()
					if ctx.Err() != nil {
						assert.True(t, forwarder.Kept(err), "%v", err)
						return
					}
					assert.NoError(t, err)
				})
			}
			blocked <- n
		}()
		return blocked
	}
	isBlocked := func() bool { return f.Stats().WaitingForBuffer == 1 }

	ctx, cancel := context.WithCancel(t.Context())
	given := forward(ctx, 0)
	require.Eventually(t, isBlocked, patience, time.Millisecond)
	require.NoError(t, f.Ready(), "batches are accepted")
	require.NoError(t, f.Store(t.Context(), makeBatch(t, 5000)), "does not wait for those that wait for Kafka")
	cancel()
	n := <-given
	answered.Wait()
	require.Less(t, n, 200, "400 KB have no room for more")
	require.Eventually(t, func() bool { return f.Stats().BufferedBytes == 0 }, patience, time.Millisecond)

	given = forward(t.Context(), n)
	require.Eventually(t, isBlocked, patience, time.Millisecond)
	silence.Stop()
	assert.Equal(t, n+1000, <-given)
	answered.Wait()
	drainAll(t, f)
	messages := k.Messages(t, "events")
	assert.Len(t, messages, n+1000+1)
	forwardertest.NoDuplicates(t, messages, member)
}
