package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// deviceBatch is batch n, of a device.
func deviceBatch(t testing.TB, device string, n int) *batch.Batch {
	t.Helper()
	b, err := batch.Parse(fmt.Appendf(nil,
		`{"mpid":7,"mp_deviceid":"%s","batch_id":"%d","ip":"1.2.3.4","events":[{"event_type":"custom_event","data":{"n":%d}}]}`, device, n, n))
	require.NoError(t, err)
	return b
}

// numbersOf lists the events of each message.
func numbersOf(t *testing.T, messages []forwardertest.Message) (list [][]int) {
	t.Helper()
	for _, m := range messages {
		var b struct {
			Events []struct{ Data struct{ N int } }
		}
		require.NoError(t, json.Unmarshal(m.Value, &b))
		var numbers []int
		for _, e := range b.Events {
			numbers = append(numbers, e.Data.N)
		}
		list = append(list, numbers)
	}
	return list
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// A thousand events of one device leave as one message, which has them in order and
// the envelope of the last. The observer learns of every batch.
func TestWindow_oneMessage(t *testing.T) {
	const n = 1000
	k := forwardertest.NewKafka(t)
	var mu sync.Mutex
	done, settled := map[uint64]bool{}, map[uint64]forwarder.ForwardInfo{}
	f := start(t, k, openSpool(t, t.TempDir(), large()), forwarder.WithWindow(time.Hour), forwarder.WithObserver(forwarder.Observer{
		Done: func(_ context.Context, i forwarder.ForwardInfo) {
			mu.Lock()
			defer mu.Unlock()
			done[i.SpoolID] = true
		},
		Settled: func(_ context.Context, i forwarder.ForwardInfo) {
			mu.Lock()
			defer mu.Unlock()
			settled[i.SpoolID] = i
		},
	}))
	var bs []*batch.Batch
	for i := range n {
		bs = append(bs, deviceBatch(t, "a", i))
	}
	require.Nil(t, f.StoreAll(t.Context(), bs))
	assert.Empty(t, k.Messages(t, "events"))
	assert.Equal(t, 1, f.Stats().Spool.Windows)
	assert.Equal(t, n, f.Stats().Spool.Messages)
	drainAll(t, f)
	require.NoError(t, f.Close())
	messages := k.Messages(t, "events")
	assert.Equal(t, [][]int{upTo(n)}, numbersOf(t, messages))
	prefix := `{"mpid":7,"batch_id":"999","ip":"1.2.3.4","events":[{"event_type":"custom_event","data":{"n":0}},`
	assert.Equal(t, prefix, string(messages[0].Value[:len(prefix)]))
	assert.Len(t, done, n)
	assert.Len(t, settled, n)
	for id, i := range settled {
		assert.True(t, done[id])
		require.Len(t, i.Messages, 1)
		assert.Equal(t, messages[0].Offset, i.Messages[0].Offset)
	}
}

// A window closes before what it becomes is too large for a segment, and the last
// batch that fits into one leaves, too.
func TestWindow_smallSegments(t *testing.T) {
	const n = 2000
	k := forwardertest.NewKafka(t)
	s := openSpool(t, t.TempDir(), spool.Options{MaxBytes: 8 << 20, SegmentBytes: 64 << 10, Logger: quiet})
	f := start(t, k, s, forwarder.WithWindow(time.Hour))
	var bs []*batch.Batch
	for i := range n {
		bs = append(bs, deviceBatch(t, "a", i))
	}
	require.Nil(t, f.StoreAll(t.Context(), bs))
	last := n
	for size := 56_800; ; size++ { // a little less than a segment has room for, until one is too large
		b := deviceBatch(t, "a", last)
		require.NoError(t, b.At("padding").Set(strings.Repeat("x", size)))
		if err := f.Store(t.Context(), b); err != nil {
			require.ErrorContains(t, err, "the limit is 57280")
			break
		}
		last++
	}
	require.Greater(t, last, n)
	drainAll(t, f)
	require.NoError(t, f.Close())
	var numbers []int
	for _, list := range numbersOf(t, k.Messages(t, "events")) {
		numbers = append(numbers, list...)
	}
	assert.Equal(t, upTo(last), numbers)
}

func large() spool.Options {
	return spool.Options{MaxBytes: 64 << 20, SegmentBytes: 2 << 20, Logger: quiet}
}

// A window closes by itself; Forward waits for that.
func TestWindow_end(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := start(t, k, openSpool(t, t.TempDir(), large()), forwarder.WithWindow(time.Second))
	require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", 0)))
	require.NoError(t, f.Forward(within(t, patience), deviceBatch(t, "a", 1)))
	assert.Equal(t, [][]int{{0, 1}}, numbersOf(t, k.Messages(t, "events")))
	assert.Zero(t, f.Stats().Spool.Windows)
}

// Whose context ends is told that its batch is kept, and may ask again at any time:
// before its window closes, and after.
func TestWindow_askAgain(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := start(t, k, openSpool(t, t.TempDir(), large()), forwarder.WithWindow(time.Hour))
	var failures []*forwarder.DeliveryError
	for n := 0; len(failures) < 3; n++ {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := f.Forward(ctx, deviceBatch(t, "a", n))
		cancel()
		require.Error(t, err)
		if forwarder.Kept(err) { // else the context has ended before it was on the disk
			failed, ok := errors.AsType[*forwarder.DeliveryError](err)
			require.True(t, ok)
			failures = append(failures, failed)
		}
	}
	early := make(chan error, 1)
	go func() { early <- failures[0].Wait(within(t, patience)) }()
	last, err := batch.Parse([]byte(`{"mpid":7,"mp_deviceid":"a","ip":"1.2.3.4","events":[{"event_type":"session_end"}]}`))
	require.NoError(t, err)
	require.NoError(t, f.Forward(within(t, patience), last))
	require.NoError(t, <-early)
	for _, failed := range failures {
		require.NoError(t, failed.Wait(within(t, patience)))
	}
	assert.Len(t, k.Messages(t, "events"), 1)
}

// What waits in a window is there after a restart, and its window ends when it would
// have ended. A process without windows closes it.
func TestWindow_restart(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	for run := range 3 {
		s := openSpool(t, dir, large())
		f := start(t, k, s, forwarder.WithWindow(time.Hour))
		for i := range 5 {
			require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", 5*run+i)))
		}
		assert.Equal(t, 1, f.Stats().Spool.Windows)
		require.NoError(t, f.Close())
		require.NoError(t, s.Close())
	}
	assert.Empty(t, k.Messages(t, "events"))
	s := openSpool(t, dir, large())
	f := start(t, k, s, forwarder.WithWindow(time.Hour))
	drainAll(t, f)
	require.NoError(t, s.Close())
	assert.Equal(t, [][]int{upTo(15)}, numbersOf(t, k.Messages(t, "events")))

	dir = t.TempDir()
	s = openSpool(t, dir, large())
	f = start(t, k, s, forwarder.WithWindow(time.Hour))
	require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", 15)))
	require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", 16)))
	require.NoError(t, f.Close())
	require.NoError(t, s.Close())
	s = openSpool(t, dir, large())
	f = start(t, k, s)
	drainAll(t, f)
	assert.Equal(t, [][]int{upTo(15), {15, 16}}, numbersOf(t, k.Messages(t, "events")))
}

// A window ends when it would have ended without the restart, although a window that the
// next process opens ends much later.
func TestWindow_endIsKept(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	s := openSpool(t, dir, large())
	f := start(t, k, s, forwarder.WithWindow(time.Second))
	require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", 0)))
	require.NoError(t, f.Close())
	require.NoError(t, s.Close())
	f = start(t, k, openSpool(t, dir, large()), forwarder.WithWindow(time.Hour))
	require.NoError(t, f.Store(t.Context(), deviceBatch(t, "b", 1)))
	require.Eventually(t, func() bool { return len(k.Messages(t, "events")) > 0 }, patience, 10*time.Millisecond)
	assert.Equal(t, [][]int{{0}}, numbersOf(t, k.Messages(t, "events")))
	assert.Equal(t, 1, f.Stats().Spool.Windows, "the new one waits")
}

// A batch that says no device leaves at once; one with a session_end closes its
// window; one with another envelope closes it before.
func TestWindow_closes(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := start(t, k, openSpool(t, t.TempDir(), large()), forwarder.WithWindow(time.Hour))
	forward := func(text string) {
		b, err := batch.Parse([]byte(text))
		require.NoError(t, err)
		require.NoError(t, f.Forward(within(t, patience), b))
	}
	forward(`{"mpid":7,"events":[{"event_type":"custom_event","data":{"n":100}}]}`)
	require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", 1)))
	forward(`{"mpid":7,"mp_deviceid":"a","ip":"1.2.3.4","events":[{"event_type":"session_end","data":{"n":2}}]}`)
	require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", 3)))
	forward(`{"mpid":7,"mp_deviceid":"a","ip":"4.3.2.1","events":[{"event_type":"commerce_event","data":{"n":4}}]}`)
	assert.Equal(t, [][]int{{100}, {1, 2}, {3}, {4}}, numbersOf(t, k.Messages(t, "events")))
}

// While Kafka is away a spool fills with what waits and what was closed. It drains
// once Kafka is back.
func TestWindow_fullSpool(t *testing.T) {
	k := forwardertest.NewKafka(t)
	down := k.Unreachable()
	f := start(t, k, openSpool(t, t.TempDir(), small()), forwarder.WithWindow(time.Hour))
	var stored []int
	for n, full := 0, 0; full < 3; n++ {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := f.Store(ctx, bulky(t, n%7, n))
		cancel()
		switch {
		case err == nil:
			stored = append(stored, n)
		case errors.Is(err, spool.ErrFull):
			full++
		} // else the disk was slow
	}
	assert.Positive(t, f.Stats().Spool.WindowsClosedEarly)
	down.Stop()
	drainAll(t, f)
	seen := map[int]bool{}
	last := map[int]int{}
	for _, m := range numbersOf(t, k.Messages(t, "events")) {
		for _, n := range m {
			assert.False(t, seen[n], "%d is there twice", n)
			seen[n] = true
			assert.GreaterOrEqual(t, n, last[n%7])
			last[n%7] = n
		}
	}
	for _, n := range stored {
		assert.True(t, seen[n], "%d is lost", n)
	}
}

func bulky(t *testing.T, device, n int) *batch.Batch {
	t.Helper()
	b, err := batch.Parse(fmt.Appendf(nil,
		`{"mpid":%d,"mp_deviceid":"%d","events":[{"event_type":"custom_event","data":{"n":%d,"pad":"%05000d"}}]}`, 1+device%2, device, n, n))
	require.NoError(t, err)
	return b
}

// A batch that is damaged on the disk while it waits is reported, and costs no other
// of its window.
func TestWindow_damaged(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	s := openSpool(t, dir, large())
	f := start(t, k, s, forwarder.WithWindow(time.Hour))
	for i := range 5 {
		require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", i)))
	}
	require.NoError(t, f.Close())
	require.NoError(t, s.Close())
	files, err := filepath.Glob(filepath.Join(dir, "segment-*"))
	require.NoError(t, err)
	damaged := 0
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // of this test
		require.NoError(t, err)
		if at := bytes.Index(text, []byte(`"data":{"n":2}`)); at >= 0 {
			text[at] ^= 1
			require.NoError(t, os.WriteFile(file, text, 0o600))
			damaged++
		}
	}
	require.Equal(t, 1, damaged)
	s = openSpool(t, dir, large())
	f = start(t, k, s, forwarder.WithWindow(time.Hour))
	assert.Len(t, s.Damage(), 1)
	drainAll(t, f)
	assert.Equal(t, [][]int{{0, 1, 3, 4}}, numbersOf(t, k.Messages(t, "events")))
}
