package durable

import (
	"context"
	"fmt"
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
	"github.com/eventferry/eventferry/settings"
)

// What is stored while Kafka is away arrives once and in order when it is back.
func TestStore_whileKafkaIsAway(t *testing.T) {
	k := forwardertest.NewKafka(t)
	down := k.Unreachable()
	f := start(t, k, openSpool(t, t.TempDir(), small()))
	storeSome(t, f, 0, 100)
	assert.Equal(t, 100, f.Spool().Stats().Messages)
	down.Stop()
	drainAll(t, f)
	requireOnce(t, k, 100)
}

// Close leaves what is stored on the disk, and the next start delivers it first.
func TestStore_reopened(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	down := k.Unreachable()
	for run := range 3 {
		s := openSpool(t, dir, small())
		f := start(t, k, s)
		storeSome(t, f, run*50, run*50+50)
		require.NoError(t, f.Close())
		require.NoError(t, s.Close())
	}
	down.Stop()
	f := start(t, k, openSpool(t, dir, small()))
	storeSome(t, f, 150, 200)
	drainAll(t, f)
	requireOnce(t, k, 200)
}

// The settings name a spool, which the forwarder opens and closes.
func TestStore_spoolOfTheSettings(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	s := k.Settings()
	s.Spool = settings.Spool{Dir: dir, MaxBytes: 8 << 20}
	down := k.Unreachable()
	for run := range 2 {
		f, err := forwarder.New(t.Context(), s, forwarder.WithoutProbe(), forwarder.WithLogger(quiet))
		require.NoError(t, err)
		assert.Equal(t, int64(8<<20), f.Spool().Stats().MaxBytes)
		assert.Equal(t, dir, f.Spool().Dir())
		storeSome(t, f, run*10, run*10+10)
		if run == 1 {
			down.Stop()
			drainAll(t, f)
		}
		require.NoError(t, f.Close())
		require.ErrorIs(t, f.Store(t.Context(), makeBatch(t, 99)), forwarder.ErrClosed)
	}
	requireOnce(t, k, 20)
}

// A bulk is stored in order, and costs less than one sync for each batch.
func TestStoreAll(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := start(t, k, openSpool(t, t.TempDir(), small()))
	var bs []*batch.Batch
	for n := range 500 {
		bs = append(bs, makeBatch(t, n))
	}
	require.Nil(t, f.StoreAll(t.Context(), bs))
	assert.Less(t, f.Spool().Stats().Syncs, 100)
	drainAll(t, f)
	requireOnce(t, k, 500)

	bs = append(bs[:1], nil)
	errs := f.StoreAll(t.Context(), bs)
	require.Len(t, errs, 2)
	require.ErrorIs(t, errs[0], forwarder.ErrClosed)
}

// StoreAsync pipelines in order, and calls done once for each.
func TestStoreAsync(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := start(t, k, openSpool(t, t.TempDir(), small()))
	var answers sync.WaitGroup
	for n := range 200 {
		answers.Add(1)
		f.StoreAsync(t.Context(), makeBatch(t, n), func(err error) {
			defer answers.Done()
			assert.NoError(t, err)
		})
	}
	answers.Wait()
	drainAll(t, f)
	requireOnce(t, k, 200)
}

// Forward, ForwardAll and ForwardAsync store and then wait for Kafka.
func TestForward_withSpool(t *testing.T) {
	k := forwardertest.NewKafka(t)
	var got []forwarder.ForwardInfo
	f := start(t, k, openSpool(t, t.TempDir(), small()), forwarder.WithObserver(forwarder.Observer{
		Done: func(_ context.Context, i forwarder.ForwardInfo) { got = append(got, i) },
		Settled: func(context.Context, forwarder.ForwardInfo) {
			assert.Fail(t, "Settled of a batch whose Done knew its end")
		},
	}))
	require.NoError(t, f.Forward(t.Context(), makeBatch(t, 0)))
	require.Nil(t, f.ForwardAll(t.Context(), []*batch.Batch{makeBatch(t, 1), makeBatch(t, 2)}))
	answer := make(chan error, 1)
	f.ForwardAsync(t.Context(), makeBatch(t, 3), func(err error) { answer <- err })
	require.NoError(t, <-answer)
	require.Len(t, k.Messages(t, "events"), 4)
	assert.Zero(t, f.Spool().Stats().Messages)
	drainAll(t, f)
	requireOnce(t, k, 4)

	require.Len(t, got, 4)
	last := uint64(0)
	for _, i := range got {
		require.Len(t, i.Messages, 1)
		assert.GreaterOrEqual(t, i.Messages[0].Offset, int64(0))
		assert.Equal(t, 1, i.Messages[0].Events)
		assert.Greater(t, i.SpoolID, last)
		last = i.SpoolID
	}
}

// When ctx ends first, the batch is Stored: kept, not to be sent again, neither
// permanent nor not sent, and Wait tells its end.
func TestForward_contextEndsAfterStoring(t *testing.T) {
	for name, forward := range map[string]func(context.Context, *forwarder.Forwarder, *batch.Batch) error{
		"Forward": func(ctx context.Context, f *forwarder.Forwarder, b *batch.Batch) error { return f.Forward(ctx, b) },
		"ForwardAll": func(ctx context.Context, f *forwarder.Forwarder, b *batch.Batch) error {
			return f.ForwardAll(ctx, []*batch.Batch{b})[0]
		},
		"ForwardAsync": func(ctx context.Context, f *forwarder.Forwarder, b *batch.Batch) error {
			answer := make(chan error, 1)
			f.ForwardAsync(ctx, b, func(err error) { answer <- err })
			return <-answer
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			down := k.Unreachable()
			settled := make(chan forwarder.ForwardInfo, 10)
			var id uint64
			f := start(t, k, openSpool(t, t.TempDir(), small()), forwarder.WithObserver(forwarder.Observer{
				Done:    func(_ context.Context, i forwarder.ForwardInfo) { id = i.SpoolID },
				Settled: func(_ context.Context, i forwarder.ForwardInfo) { settled <- i },
			}))
			ctx, cancel := context.WithCancel(t.Context())
			stored := time.AfterFunc(0, func() {
				for f.Spool().Stats().Messages == 0 {
					time.Sleep(time.Millisecond) //nolint:forbidigo // there is nothing to wait for
				}
				cancel()
			})
			defer stored.Stop()
			err := forward(ctx, f, makeBatch(t, 0))
			var d *forwarder.DeliveryError
			require.ErrorAs(t, err, &d)
			require.ErrorIs(t, err, context.Canceled)
			require.Len(t, d.Failures, 1)
			assert.True(t, forwarder.Kept(fmt.Errorf("wrapped: %w", err)))
			assert.False(t, forwarder.Permanent(err))
			assert.False(t, forwarder.NothingSent(err))
			assert.Nil(t, d.Remaining())
			assert.Equal(t, forwarder.Stored, d.Failures[0].Outcome)
			assert.ErrorContains(t, err, "first is stored")

			soon, end := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer end()
			assert.True(t, forwarder.Kept(d.Wait(soon)))

			down.Stop()
			require.NoError(t, d.Wait(within(t, patience)))
			info := <-settled
			assert.NoError(t, info.Err)
			assert.Equal(t, id, info.SpoolID)
			assert.Len(t, info.Messages, 1)
			require.NoError(t, d.Wait(within(t, patience)), "asked again, when only the disk knows")
			drainAll(t, f)
			requireOnce(t, k, 1)
		})
	}
}

// A batch that is split into parts arrives in order, and its end is told once.
func TestStore_split(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	s.SendAsBatch = settings.Off
	settled := make(chan forwarder.ForwardInfo, 10)
	sp := openSpool(t, t.TempDir(), small())
	f, err := forwarder.New(t.Context(), s, forwarder.WithSpool(sp), forwarder.WithLogger(quiet), forwarder.WithObserver(forwarder.Observer{
		Settled: func(_ context.Context, i forwarder.ForwardInfo) { settled <- i },
	}))
	require.NoError(t, err)
	defer f.Close()
	var events []string
	for n := range 20 {
		events = append(events, fmt.Sprintf(`{"event_type":"custom_event","data":{"n":%d}}`, n))
	}
	b, err := batch.Parse([]byte(`{"mpid":7,"events":[` + strings.Join(events, ",") + `]}`))
	require.NoError(t, err)
	require.NoError(t, f.Store(t.Context(), b))
	info := <-settled
	assert.Len(t, info.Messages, 20)
	assert.NotZero(t, info.SpoolID)
	assert.Empty(t, settled)
	drainAll(t, f)
	requireOnce(t, k, 20)
}

// A full spool makes Store wait until ctx ends; the batch is not sent then. It
// goes on when there is room.
func TestStore_full(t *testing.T) {
	k := forwardertest.NewKafka(t)
	down := k.Unreachable()
	f := start(t, k, openSpool(t, t.TempDir(), small()))
	stored, err := fill(t, f)
	require.ErrorIs(t, f.Ready(), spool.ErrFull)
	require.ErrorIs(t, err, spool.ErrFull)
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, forwarder.NothingSent(err))
	assert.False(t, forwarder.Kept(err))
	assert.False(t, forwarder.Permanent(err))
	assert.NotContains(t, err.Error(), "xxx")
	assert.Greater(t, stored, 10)

	down.Stop()
	require.NoError(t, f.Store(within(t, patience), largeBatch(t, stored)), "there is room again")
	require.NoError(t, f.Ready())
	drainAll(t, f)
	requireOnce(t, k, stored+1)
}

// Calls that wait for room end with Close and Shutdown.
func TestStore_closedWhileFull(t *testing.T) {
	k := forwardertest.NewKafka(t)
	k.Unreachable()
	f := start(t, k, openSpool(t, t.TempDir(), small()))
	ended := make(chan error, 1)
	go func() {
		pad := strings.Repeat("x", 50_000)
		for {
			b, err := batch.Parse(fmt.Appendf(nil, `{"mpid":1,"events":[{"event_type":"custom_event","data":{"pad":%q}}]}`, pad))
			if err == nil {
				err = f.Store(context.Background(), b)
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	require.Eventually(t, func() bool { st := f.Spool().Stats(); return st.Bytes == st.MaxBytes }, patience, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.Shutdown(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Regexp(t, `\d+ messages left in the spool, for the next start`, err)
	err = <-ended
	require.ErrorIs(t, err, forwarder.ErrClosed)
	assert.True(t, forwarder.NothingSent(err))
	require.NoError(t, f.Close())
	require.ErrorIs(t, f.Shutdown(t.Context()), forwarder.ErrClosed)
}

// Close ends the wait of Forward, whose batch stays kept.
func TestForward_closedWhileWaiting(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	down := k.Unreachable()
	s := openSpool(t, dir, small())
	f := start(t, k, s)
	answers := make(chan error, 2)
	go func() { answers <- f.Forward(context.Background(), makeBatch(t, 0)) }()
	require.Eventually(t, func() bool { return s.Stats().Messages == 1 }, patience, time.Millisecond)
	f.ForwardAsync(context.Background(), makeBatch(t, 1), func(err error) { answers <- err })
	require.Eventually(t, func() bool { return s.Stats().Messages == 2 }, patience, time.Millisecond)
	require.NoError(t, f.Close())
	for range 2 {
		err := <-answers
		assert.True(t, forwarder.Kept(err), "%v", err)
		assert.ErrorIs(t, err, forwarder.ErrClosed)
		assert.False(t, forwarder.NothingSent(err))
	}
	require.NoError(t, s.Close())
	down.Stop()
	f = start(t, k, openSpool(t, dir, small()))
	drainAll(t, f)
	requireOnce(t, k, 2)
}

// Settled tells the end of what a former process has stored, too, by its id.
func TestObserver_settledInALaterProcess(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	down := k.Unreachable()
	done := map[uint64]bool{}
	s := openSpool(t, dir, small())
	f := start(t, k, s, forwarder.WithObserver(forwarder.Observer{
		Done: func(_ context.Context, i forwarder.ForwardInfo) { done[i.SpoolID] = true },
	}))
	storeSome(t, f, 0, 30)
	require.NoError(t, f.Close())
	require.NoError(t, s.Close())

	var mu sync.Mutex
	settled := map[uint64]bool{}
	down.Stop()
	f = start(t, k, openSpool(t, dir, small()), forwarder.WithObserver(forwarder.Observer{
		Settled: func(_ context.Context, i forwarder.ForwardInfo) {
			mu.Lock()
			defer mu.Unlock()
			assert.NoError(t, i.Err)
			assert.False(t, settled[i.SpoolID], "twice")
			settled[i.SpoolID] = true
		},
	}))
	drainAll(t, f)
	assert.Equal(t, done, settled)
	requireOnce(t, k, 30)
}

// What filters drop is not stored.
func TestStore_dropped(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := start(t, k, openSpool(t, t.TempDir(), small()), forwarder.WithFilterFunc("all",
		func(context.Context, *batch.Batch) error { return batch.Drop("all of it") }))
	require.NoError(t, f.Store(t.Context(), makeBatch(t, 0)))
	assert.Zero(t, f.Spool().Stats().Messages)
	drainAll(t, f)
	assert.Empty(t, k.Messages(t, "events"))
}
