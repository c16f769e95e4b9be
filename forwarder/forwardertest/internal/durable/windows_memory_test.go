package durable

import (
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// Devices with one event each, many more than there may be windows, while Kafka is
// away: all of them are on the disk, and the process takes no more memory than its
// limits say. EVENTFERRY_WINDOW_DEVICES says how many there are.
func TestWindow_memory(t *testing.T) {
	devices := 100_000
	if testing.Short() {
		devices = 60_000
	}
	if text := os.Getenv("EVENTFERRY_WINDOW_DEVICES"); text != "" {
		var err error
		devices, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	const buffer = 8 << 20
	taken, st := heapOfDevices(t, devices, buffer)
	assert.Equal(t, devices, st.Messages, "nothing is lost")
	assert.Equal(t, buffer/4/bytesOfWindow, st.Windows)
	assert.Equal(t, devices-st.Windows, st.WindowsClosedEarly)
	assert.Less(t, taken, heapLimit(devices, buffer))
}

// The limit catches windows that are not bounded: with a larger buffer they are not.
func TestWindow_memoryControl(t *testing.T) {
	const devices, buffer = 60_000, 8 << 20
	taken, st := heapOfDevices(t, devices, 32*buffer)
	assert.Equal(t, devices, st.Windows)
	assert.Zero(t, st.WindowsClosedEarly)
	assert.Greater(t, taken, heapLimit(devices, buffer))
}

// bytesOfWindow is what a window counts for.
const bytesOfWindow = 352

// heapLimit is what the buffer may take, and beside it what is known of open windows,
// of closed ones, and their texts; and two bytes for each message on the disk.
func heapLimit(devices int, buffer int64) int64 {
	const tolerance, notes = 13, 2 // tenths, bytes
	return tolerance*(buffer+buffer/4+buffer/4+buffer/8)/10 + notes*int64(devices)
}

// heapOfDevices stores an event of each device, while no broker can be reached. It
// returns by how much the heap of the process has grown at most.
func heapOfDevices(t *testing.T, devices int, buffer int64) (taken int64, st *forwarder.SpoolStats) {
	t.Helper()
	const bulk, looks = 1000, 40
	k := forwardertest.NewKafka(t)
	k.Unreachable()
	settings := k.Settings()
	settings.Delivery.MaxBufferedBytes, settings.Delivery.MaxMessageBytes = buffer, 100_000
	settings.Spool.Window = time.Hour
	s := openSpool(t, t.TempDir(), spool.Options{MaxBytes: max(1<<30, 3<<10*int64(devices)), Logger: quiet})
	f, err := forwarder.New(t.Context(), settings, forwarder.WithSpool(s), forwarder.WithoutProbe(), forwarder.WithLogger(quiet))
	require.NoError(t, err)
	defer f.Close()

	before, most, began := settledHeap(), int64(0), time.Now()
	for from := 0; from < devices; from += bulk {
		var bs []*batch.Batch
		for n := from; n < min(devices, from+bulk); n++ {
			b, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"mp_deviceid":"d","batch_id":"%d","ip":"203.0.113.7",`+
				`"events":[{"event_type":"custom_event","data":{"event_name":"View","n":%d}}]}`, 1+n, n, n))
			require.NoError(t, err)
			bs = append(bs, b)
		}
		require.Nil(t, f.StoreAll(t.Context(), bs))
		if from/bulk%max(1, devices/bulk/looks) == 0 {
			most = max(most, heap())
		}
	}
	taken = max(most, heap()) - before
	most = min(int64(devices), buffer/4/bytesOfWindow)
	require.Eventually(t, func() bool { st = f.Stats().Spool; return int64(st.Windows) == most }, patience, 10*time.Millisecond, "those that were closed are stored")
	t.Logf("%d devices in %s: the heap has grown by %.1f MiB, of a limit of %.1f MiB; %d windows are open, %d MiB on the disk",
		devices, time.Since(began).Round(time.Second), float64(taken)/(1<<20), float64(heapLimit(devices, buffer))/(1<<20), st.Windows, st.Bytes>>20)
	return taken, st
}

// settledHeap is the heap without what earlier tests leave, whose goroutines may end for a
// moment yet.
func settledHeap() int64 {
	last := heap()
	for range 50 {
		<-time.After(20 * time.Millisecond)
		now := heap()
		if now >= last-last/100 {
			return now
		}
		last = now
	}
	return last
}

// heap is what the collector has found in use: not what others have allocated since, on a busy
// machine many MiB, nor what they have let go.
func heap() int64 {
	runtime.GC()
	runtime.GC() // the second empties what the first moved aside, sync.Pool's
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return int64(live[0].Value.Uint64()) //nolint:gosec // fits
}
