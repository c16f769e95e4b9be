package watch

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Each wait that was reported ends once, with its first Since, its last cause and
// whether it was acknowledged.
func TestWatcher_ended(t *testing.T) {
	first, second := errors.New("no leader"), errors.New("too few replicas")
	for name, tt := range map[string]struct {
		end          func(*watched)
		acknowledged bool
	}{
		"acknowledged": {func(w *watched) { w.wait(); w.Acknowledged(3) }, true},
		"acknowledged, told a moment later": {func(w *watched) {
			w.wait()
			<-time.After(time.Second) // a round has missed it
			w.Acknowledged(3)
		}, true},
		"withdrawn":                          {func(w *watched) { w.wait() }, false},
		"withdrawn, and others acknowledged": {func(w *watched) { w.wait(); w.Acknowledged(4) }, false},
		"settled by Close":                   {func(w *watched) { w.settle(); w.Close() }, false},
		"acknowledged before Close":          {func(w *watched) { w.wait(); w.Acknowledged(3); w.Close(); w.Close() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatched(t)
				defer w.Close()
				w.set(always(first))
				w.send()
				began := time.Now()
				w.wait(3)
				<-time.After(5 * time.Second)
				w.set(always(second))
				<-time.After(15500 * time.Millisecond) // between two rounds
				require.Len(t, w.reported(), 2)
				assert.Empty(t, w.ended())
				tt.end(w)
				<-time.After(3 * time.Second)
				synctest.Wait()
				require.Len(t, w.ended(), 1)
				e := w.ended()[0]
				assert.Equal(t, int32(3), e.Partition)
				assert.Equal(t, began, e.Since)
				assert.Equal(t, second, e.Cause)
				assert.Equal(t, tt.acknowledged, e.Acknowledged)
				assert.InDelta(t, 20.5, e.Duration.Seconds(), 1, "known to about a second")
			})
		})
	}
}

// A partition that goes on is told of while others wait.
func TestWatcher_endedOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.send()
		w.wait(3, 4, AnyPartition)
		since := time.Now()
		<-time.After(5 * time.Second)
		w.setWaiting(producer.Waiting{Partition: 4, Since: since})
		w.Acknowledged(3)
		<-time.After(3 * time.Second)
		require.Len(t, w.ended(), 2)
		for _, e := range w.ended() {
			assert.NotEqual(t, int32(4), e.Partition)
			assert.True(t, e.Acknowledged)
		}
		assert.Zero(t, w.lines("delivery resumed"), "one still waits")
		w.setWaiting()
		<-time.After(3 * time.Second)
		require.Len(t, w.ended(), 3)
		assert.False(t, w.ended()[2].Acknowledged)
		assert.Equal(t, 1, w.lines("delivery resumed"))
	})
}

// What waits anew begins a wait of its own, whose first report comes behind the
// end of the one before.
func TestWatcher_endedAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		var order []string
		report, resumed := w.Report, w.Resumed
		w.Report = func(ctx context.Context, i Info) { report(ctx, i); order = append(order, "waiting") }
		w.Resumed = func(ctx context.Context, e Ended) { resumed(ctx, e); order = append(order, "resumed") }
		w.send()
		w.wait(3)
		<-time.After(4500 * time.Millisecond)
		w.wait() // withdrawn; the round that sees it comes in half a second
		<-time.After(600 * time.Millisecond)
		w.setWaiting(producer.Waiting{Partition: 3, Since: time.Now().Add(-time.Second)})
		<-time.After(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"waiting", "resumed", "waiting"}, order)
	})
}

// The end of a wait is told when all is settled during the diagnosis and no batch
// follows.
func TestWatcher_endedWithoutAnotherBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.Diagnose = func(context.Context) func(int32) error {
			w.wait()
			w.settle()
			w.Acknowledged(3)
			return always(nil)
		}
		w.send()
		w.wait(3)
		<-time.After(5 * time.Second)
		synctest.Wait()
		assert.Len(t, w.reported(), 1)
		require.Len(t, w.ended(), 1)
		assert.True(t, w.ended()[0].Acknowledged)
		assert.False(t, w.armed.Load(), "and then nothing runs")
	})
}

// Durations have their unit in every format of logs.
func TestWatcher_durationsHaveUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.Logger = slog.New(slog.NewJSONHandler(w, nil))
		w.send()
		w.wait(3)
		<-time.After(1600 * time.Millisecond)
		w.Acknowledged(3)
		w.wait()
		<-time.After(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, 1, w.lines(`"for":"1s"`))
		assert.Equal(t, 1, w.lines(`"after":"2s"`))
	})
}
