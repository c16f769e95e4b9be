package delivery

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// 10,000 callers at a slow broker: memory stays at the buffer's size, and they
// are served in the order in which they came.
func TestPressure_manyCallers(t *testing.T) {
	long(t)
	both(t, func(t *testing.T, p delivering) {
		machinelock.Lock(t)
		const wave = 100
		callers := p.share(10_000, 2_000)
		k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 1))
		s := k.Settings()
		s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = 100_000, 400_000
		var mu sync.Mutex
		var came []int // in the order in which they came to the buffer
		arrive := func(ctx context.Context, _ *batch.Batch) error {
			mu.Lock()
			defer mu.Unlock()
			came = append(came, callerOf(ctx))
			return nil
		}
		served := make([]int64, callers) // the offset of each caller's message
		f := p.start(t, s, forwarder.WithFilter("arrive", batch.FilterFunc(arrive)),
			forwarder.WithObserver(forwarder.Observer{Done: func(ctx context.Context, i forwarder.ForwardInfo) {
				served[callerOf(ctx)] = i.Messages[0].Offset
			}}))
		defer k.SlowAnswers(10 * time.Millisecond).Stop()
		refusing := k.Fail(forwardertest.Produce, 19, forwardertest.UntilStopped) // until all have come
		defer refusing.Stop()

		var l ledger
		_, b := l.make(t, 7, 3000)
		before := heapInUse()
		var calls sync.WaitGroup
		for i := range callers {
			calls.Go(func() {
				assert.NoError(t, f.Forward(context.WithValue(context.Background(), caller{}, i), b))
			})
			if i%wave == wave-1 { // a goroutine may be held up on its way from the filter to the buffer
				require.Eventually(t, func() bool {
					mu.Lock()
					defer mu.Unlock()
					return len(came) == i+1
				}, time.Minute, time.Millisecond)
				<-time.After(5 * time.Millisecond)
			}
		}
		heap := heapInUse()
		refusing.Stop()
		peak := heap
		over := make(chan struct{})
		go func() {
			calls.Wait()
			close(over)
		}()
		for waiting := true; waiting; {
			select {
			case <-over:
				waiting = false
			case <-time.After(200 * time.Millisecond):
				peak = max(peak, heapInUse())
			}
		}
		// How far anybody was served from where he came.
		var off []int64
		for place, i := range came {
			off = append(off, max(served[i]-int64(place), int64(place)-served[i]))
		}
		slices.Sort(off)
		t.Logf("heap %d KB, with all callers %d KB, at most %d KB; off by %d at most, %d at the 99th percentile",
			before/1024, heap/1024, peak/1024, off[callers-1], off[callers*99/100])
		assert.Less(t, off[callers*99/100], int64(2*wave), "in a random order half of them would be off by thousands")
		// All messages together are 33 MB; the embedded Kafka keeps them compressed.
		assert.Less(t, peak-heap, int64(16<<20))
		assert.Less(t, peak-before, int64(40<<20), "callers that wait have no messages yet")
	})
}

type caller struct{} // its number, in a context

func callerOf(ctx context.Context) int {
	i, _ := ctx.Value(caller{}).(int)
	return i
}
