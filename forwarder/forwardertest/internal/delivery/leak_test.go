package delivery

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// Goroutines, connections and memory return to their level after Close, as
// often as one likes.
func TestLeak_cycles(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		cycles := p.share(600, 100)
		if testing.Short() || racing {
			cycles = 100
		}
		p.cycle(t, 10) // what is made once in a process
		goroutines, heap := runtime.NumGoroutine(), heapInUse()
		p.cycle(t, cycles)
		grown := heapInUse() - heap
		t.Logf("%d goroutines, heap grown by %d KB in %d cycles", goroutines, grown/1024, cycles)
		assert.Less(t, grown, int64(1<<20))
	})
}

// cycle starts and closes so many forwarders on a Kafka, and waits until
// nothing of them is left.
func (p delivering) cycle(t *testing.T, cycles int) {
	t.Helper()
	before := runtime.NumGoroutine()
	k, err := forwardertest.StartKafka()
	require.NoError(t, err)
	var l ledger
	_, b := l.make(t, 7, 10)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for i := range cycles {
		f, err := forwarder.New(ctx, k.Settings(), append(p.options, quiet())...)
		require.NoError(t, err)
		switch i % 3 {
		case 0:
			require.NoError(t, f.Forward(ctx, b))
		case 1: // given up
			f.ForwardAsync(ctx, b, func(error) {})
		case 2: // never used
		}
		require.NoError(t, f.Close())
	}
	require.Eventually(t, func() bool { return k.Connections() == 0 }, time.Minute, 10*time.Millisecond)
	k.Close()
	cancel()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, time.Minute, 10*time.Millisecond,
		"%d goroutines before, %d now", before, runtime.NumGoroutine()) // one of go-metrics stays for ever, one asks this
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
