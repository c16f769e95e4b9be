package forwarder

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

// Of stored batches whose calls wait for Kafka the values, which are on the disk, take no
// memory.
func TestStoredBatch_memoryWhileItWaits(t *testing.T) {
	const calls = 100
	for name, send := range map[string]settings.Settings{
		"one message":         {},
		"a message per event": {SendAsBatch: settings.Off},
	} {
		t.Run(name, func(t *testing.T) {
			send.Delivery.MaxBufferedBytes = 1 << 30 // so that no call waits for the room of others
			f := onSpool(t, send, absent{})
			b, err := batch.Parse(testbatch.Batches(1, 200, 2)[0])
			require.NoError(t, err)
			o, _, err := f.pipeline.outlineOf(t.Context(), b)
			require.NoError(t, err)
			all, beside := o.held(b), o.heldBesideValues(b)
			require.Greater(t, all-beside, int64(50_000), "the values are large")

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var answered sync.WaitGroup
			answered.Add(calls)
			before := heapInUse()
			for range calls {
				f.ForwardAsync(ctx, b, func(error) { answered.Done() })
				runtime.GC() // which empties pools: what is left is what the calls keep
			}
			for f.Stats().Spool.Messages < calls*o.allMessages() {
				runtime.Gosched()
			}
			taken := heapInUse() - before
			shared := int64(b.MemorySize()) // the calls have one batch
			t.Logf("%d bytes a call, %d are counted beside the values of %d", taken/calls, beside-shared, all-beside)
			// The store has memory of its own for what it writes.
			assert.Less(t, taken, calls*(beside-shared+(all-beside)/4))

			cancel()
			answered.Wait()
		})
	}
}

// heapInUse is how many bytes are reachable.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what pools held is kept for one more collection
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // fits
}
