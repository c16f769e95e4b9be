package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A watched is a watcher whose words are kept.
type watched struct {
	*Watcher

	mu        sync.Mutex
	undecided int
	waits     []producer.Waiting
	infos     []Info
	ends      []Ended
	text      strings.Builder
	diagnosis func(partition int32) error
	diagnosed int
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *watched) lines(word string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.text.String(), word)
}

func (w *watched) reported() []Info {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Info(nil), w.infos...)
}

func (w *watched) ended() []Ended {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Ended(nil), w.ends...)
}

// set makes causeOf what the next diagnosis says.
func (w *watched) set(causeOf func(partition int32) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.diagnosis = causeOf
}

// always is a diagnosis that says the same of each partition.
func always(err error) func(int32) error { return func(int32) error { return err } }

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{diagnosis: always(nil)}
	w.Watcher = New(Config{
		Waiting: func(threshold time.Duration) []producer.Waiting {
			w.mu.Lock()
			defer w.mu.Unlock()
			var list []producer.Waiting
			for _, l := range w.waits {
				if time.Since(l.Since) >= threshold {
					list = append(list, l)
				}
			}
			return list
		},
		Undecided: func() int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.undecided
		},
		Explain: func(err error) error { return err },
		Diagnose: func(context.Context) func(int32) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.diagnosed++
			return w.diagnosis
		},
		Report: func(_ context.Context, i Info) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.infos = append(w.infos, i)
		},
		Resumed: func(ctx context.Context, e Ended) {
			assert.NoError(t, ctx.Err())
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ends = append(w.ends, e)
		},
		Logger:    slog.New(slog.NewTextHandler(w, nil)),
		Threshold: Threshold,
	})
	return w
}

// send makes one more message undecided.
func (w *watched) send() {
	w.mu.Lock()
	w.undecided++
	w.mu.Unlock()
	w.Arm()
}

// settle decides all messages.
func (w *watched) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.undecided = 0
}

func (w *watched) setWaiting(list ...producer.Waiting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = list
}

func (w *watched) wait(partitions ...int32) {
	var list []producer.Waiting
	for _, p := range partitions {
		list = append(list, producer.Waiting{Partition: p, Since: time.Now(), Next: "trying again"})
	}
	w.setWaiting(list...)
}

// A wait is reported within 5 seconds, once, and again after 30.
func TestWatcher_reports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		refused := errors.New("b1:9093 refused user")
		w.set(always(refused))
		w.send()
		w.wait(3, 4)
		began := time.Now()
		<-time.After(5 * time.Second)
		require.Len(t, w.reported(), 2, "one for each partition")
		info := w.reported()[0]
		assert.ErrorIs(t, info.Cause, refused)
		assert.Equal(t, began, info.Since)
		assert.Equal(t, "trying again", info.Next)
		assert.Equal(t, 1, w.lines("delivery waits"), "one line for the cause")
		assert.Equal(t, 1, w.lines("b1:9093 refused user"))

		<-time.After(20 * time.Second)
		assert.Len(t, w.reported(), 2)
		<-time.After(10 * time.Second)
		assert.Len(t, w.reported(), 4)
		assert.Equal(t, 2, w.lines("delivery waits"))
		assert.LessOrEqual(t, w.diagnosed, 4, "a look at the brokers every 10 seconds")
	})
}

func TestWatcher_causeChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.set(always(&net.OpError{Op: "read", Source: addr("127.0.0.1:1111"), Err: syscall.ECONNRESET}))
		w.send()
		w.wait(3)
		<-time.After(5 * time.Second)
		w.set(always(&net.OpError{Op: "read", Source: addr("127.0.0.1:2222"), Err: syscall.ECONNRESET}))
		<-time.After(15 * time.Second)
		assert.Len(t, w.reported(), 1, "another port is no other cause")
		few := errors.New("too few replicas")
		w.set(func(partition int32) error { return map[int32]error{3: few}[partition] })
		<-time.After(12 * time.Second)
		require.Len(t, w.reported(), 2)
		assert.ErrorContains(t, w.reported()[1].Cause, "too few replicas")
		assert.Equal(t, 2, w.lines("delivery waits"))
	})
}

func addr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

// The diagnosis comes first, then what the producer says, then that there is
// no answer.
func TestWatcher_causes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		own := errors.New("no leader")
		w.send()
		w.setWaiting(producer.Waiting{Partition: 1, Since: time.Now(), Cause: own}, producer.Waiting{Partition: 2, Since: time.Now()})
		<-time.After(5 * time.Second)
		require.Len(t, w.reported(), 2)
		assert.ErrorIs(t, w.reported()[0].Cause, own)
		assert.ErrorIs(t, w.reported()[1].Cause, errNoAnswer)
	})
}

// While all is well no diagnosis is made, and once nothing is undecided
// no timer runs.
func TestWatcher_idle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.send()
		<-time.After(time.Minute)
		synctest.Wait() // a round ends at this minute
		assert.True(t, w.armed.Load())
		w.settle()
		<-time.After(2 * time.Second)
		synctest.Wait()
		assert.False(t, w.armed.Load())
		assert.Zero(t, w.diagnosed)
		assert.Empty(t, w.reported())
		assert.Zero(t, w.lines("delivery"))

		w.send()
		assert.True(t, w.armed.Load())
	})
}

// Delivery that stutters does not flood the log, nor the brokers.
func TestWatcher_stutters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.send()
		for range 20 {
			w.wait(3)
			<-time.After(3 * time.Second)
			w.wait()
			w.Acknowledged(3)
			<-time.After(2 * time.Second)
		}
		assert.LessOrEqual(t, w.lines("delivery waits"), 4, "in 100 seconds")
		assert.LessOrEqual(t, w.lines("delivery resumed"), 4)
		assert.LessOrEqual(t, w.diagnosed, 20)
		assert.GreaterOrEqual(t, len(w.reported()), 20, "the observer is told of each")
	})
}

func TestWatcher_resumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.send()
		w.wait(3)
		<-time.After(5 * time.Second)
		w.wait()
		w.Acknowledged(3)
		<-time.After(2 * time.Second)
		assert.Equal(t, 1, w.lines("delivery resumed"))
		w.wait(3)
		<-time.After(5 * time.Second)
		assert.Len(t, w.reported(), 2, "a new wait is told anew")
	})
}

// A look at the brokers that takes long is ended by Close.
func TestWatcher_closedWhileLooking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		looked := false
		w.Diagnose = func(ctx context.Context) func(int32) error {
			<-ctx.Done()
			assert.Equal(t, context.Canceled, ctx.Err(), "its own time is not up")
			looked = true
			return always(ctx.Err())
		}
		w.send()
		w.wait(3)
		<-time.After(roundPeriod + diagnosisTimeout/2) // the first round looks
		start := time.Now()
		w.Close()
		assert.Zero(t, time.Since(start))
		assert.True(t, looked)
	})
}

func TestCauseKey(t *testing.T) {
	one := fmt.Errorf("at b1: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
	two := fmt.Errorf("at b2: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
	assert.Equal(t, causeKey(one), causeKey(two))
	assert.NotEqual(t, causeKey(one), causeKey(&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}))
	assert.Equal(t, causeKey(errors.Join(one, two)), causeKey(errors.Join(two, one)))
	other := errors.New("other")
	assert.NotEqual(t, causeKey(one), causeKey(errors.Join(one, other)))
	assert.Equal(t, causeKey(errors.Join(one, other)), causeKey(errors.Join(other, two, one)), "whichever server was asked first")
}

// TestWatcher_observerEndsGoroutine: an observer that ends its goroutine, as FailNow of
// package testing does, ends neither the round nor those after it.
func TestWatcher_observerEndsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		report, resumed := w.Report, w.Resumed
		w.Report = func(ctx context.Context, i Info) { report(ctx, i); runtime.Goexit() }
		w.Resumed = func(ctx context.Context, e Ended) { resumed(ctx, e); runtime.Goexit() }
		w.waits = []producer.Waiting{{Partition: 1, Since: time.Now()}, {Partition: 2, Since: time.Now()}}
		w.undecided = 2
		w.Arm()
		time.Sleep(2 * Threshold) //nolint:forbidigo // in a bubble
		synctest.Wait()
		assert.Len(t, w.reported(), 2)
		time.Sleep(repeatAfter + 2*roundPeriod) //nolint:forbidigo // in a bubble
		synctest.Wait()
		assert.Len(t, w.reported(), 4, "again")
		w.mu.Lock()
		w.waits, w.undecided = nil, 0
		w.mu.Unlock()
		time.Sleep(5 * roundPeriod) //nolint:forbidigo // in a bubble
		synctest.Wait()
		assert.Len(t, w.ended(), 2)
		assert.Equal(t, 1, w.lines("nothing waits any more"))
		w.Close()
	})
}
