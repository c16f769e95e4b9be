package forwarder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/settings"
)

// A watched is a forwarder whose watcher's words are kept.
type watched struct {
	*Forwarder
	producer *fakeProducer

	mu        sync.Mutex
	infos     []WaitInfo
	text      strings.Builder
	diagnosis diagnosis
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

func (w *watched) told() []WaitInfo {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]WaitInfo(nil), w.infos...)
}

func (w *watched) set(d diagnosis) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.diagnosis = d
}

// newWatched has one message undecided that was handed over.
func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{producer: &fakeProducer{}}
	w.Forwarder = withProducer(t, w.producer, func(_ *settings.Settings, o *options) {
		o.logger = slog.New(slog.NewTextHandler(w, nil))
		o.observer.Waiting = func(_ context.Context, i WaitInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.infos = append(w.infos, i)
		}
	})
	w.watch.diagnose = func(context.Context) diagnosis {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.diagnosed++
		return w.diagnosis
	}
	return w
}

func (w *watched) send(t *testing.T) {
	t.Helper()
	w.ForwardAsync(t.Context(), events(t, 1), func(error) {})
	groups := w.producer.submitted(t, 1)
	w.producer.hand(groups[len(groups)-1], 1)
}

func (w *watched) wait(partitions ...int32) {
	var list []deliver.Waiting
	for _, p := range partitions {
		list = append(list, deliver.Waiting{Partition: p, Since: time.Now(), Next: "trying again"})
	}
	w.producer.setWaiting(list...)
}

// What delivery waits for is told within 5 seconds, once, and again after 30.
func TestWatch_tells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		refused := errors.New("b1:9093 refused user")
		w.set(diagnosis{err: refused})
		w.send(t)
		w.wait(3, 4)
		began := time.Now()
		<-time.After(5 * time.Second)
		require.Len(t, w.told(), 2, "one for each partition")
		info := w.told()[0]
		assert.ErrorIs(t, info.Cause, refused)
		assert.Equal(t, began, info.Since)
		assert.Equal(t, "trying again", info.Next)
		assert.Equal(t, 1, w.lines("delivery waits"), "one line for the cause")
		assert.Equal(t, 1, w.lines("b1:9093 refused user"))

		<-time.After(20 * time.Second)
		assert.Len(t, w.told(), 2)
		<-time.After(10 * time.Second)
		assert.Len(t, w.told(), 4)
		assert.Equal(t, 2, w.lines("delivery waits"))
		assert.LessOrEqual(t, w.diagnosed, 4, "a look at the brokers every 10 seconds")
	})
}

func TestWatch_causeChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.set(diagnosis{err: &net.OpError{Op: "read", Source: addr("127.0.0.1:1111"), Err: syscall.ECONNRESET}})
		w.send(t)
		w.wait(3)
		<-time.After(5 * time.Second)
		w.set(diagnosis{err: &net.OpError{Op: "read", Source: addr("127.0.0.1:2222"), Err: syscall.ECONNRESET}})
		<-time.After(15 * time.Second)
		assert.Len(t, w.told(), 1, "another port is no other cause")
		w.set(diagnosis{partitions: map[int32]error{3: errors.New("too few replicas")}})
		<-time.After(12 * time.Second)
		require.Len(t, w.told(), 2)
		assert.ErrorContains(t, w.told()[1].Cause, "too few replicas")
		assert.Equal(t, 2, w.lines("delivery waits"))
	})
}

func addr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

// The diagnosis comes first, then what the producer says, then that there is
// no answer.
func TestWatch_causes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		own := errors.New("no leader")
		w.send(t)
		w.producer.setWaiting(deliver.Waiting{Partition: 1, Since: time.Now(), Cause: own}, deliver.Waiting{Partition: 2, Since: time.Now()})
		<-time.After(5 * time.Second)
		require.Len(t, w.told(), 2)
		assert.ErrorIs(t, w.told()[0].Cause, own)
		assert.ErrorIs(t, w.told()[1].Cause, errNoAnswer)
	})
}

// While all is well nobody looks at the brokers, and once nothing is undecided
// no timer runs.
func TestWatch_idle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.send(t)
		<-time.After(time.Minute)
		assert.True(t, w.watch.armed.Load())
		w.producer.ack(w.producer.groups[0])
		<-time.After(2 * time.Second)
		synctest.Wait()
		assert.False(t, w.watch.armed.Load())
		assert.Zero(t, w.diagnosed)
		assert.Empty(t, w.told())
		assert.Zero(t, w.lines("delivery"))

		w.send(t)
		assert.True(t, w.watch.armed.Load())
	})
}

// Delivery that stutters does not flood the log, nor the brokers.
func TestWatch_stutters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.send(t)
		for range 20 {
			w.wait(3)
			<-time.After(3 * time.Second)
			w.wait()
			<-time.After(2 * time.Second)
		}
		assert.LessOrEqual(t, w.lines("delivery waits"), 4, "in 100 seconds")
		assert.LessOrEqual(t, w.lines("delivery goes on"), 4)
		assert.LessOrEqual(t, w.diagnosed, 20)
		assert.GreaterOrEqual(t, len(w.told()), 20, "the observer is told of each")
	})
}

func TestWatch_over(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.send(t)
		w.wait(3)
		<-time.After(5 * time.Second)
		w.wait()
		<-time.After(2 * time.Second)
		assert.Equal(t, 1, w.lines("delivery goes on"))
		w.wait(3)
		<-time.After(5 * time.Second)
		assert.Len(t, w.told(), 2, "a new wait is told anew")
	})
}

// The cause is wrapped by the error of a deadline, next to the context's.
func TestWatch_deadlineError(t *testing.T) {
	cause := errors.New("b1:9093 refused user")
	for name, c := range map[string]struct {
		after time.Duration
		waits []deliver.Waiting
		found diagnosis
		want  error
	}{
		"diagnosed":                    {10 * time.Second, []deliver.Waiting{{Partition: 3}}, diagnosis{err: cause}, cause},
		"too soon, the producer knows": {100 * time.Millisecond, []deliver.Waiting{{Partition: 3, Cause: cause}}, diagnosis{}, cause},
		"another partition waits":      {100 * time.Millisecond, []deliver.Waiting{{Partition: 4, Cause: cause}}, diagnosis{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatched(t)
				defer w.Close()
				w.set(c.found)
				for i := range c.waits {
					c.waits[i].Since = time.Now()
				}
				w.producer.setWaiting(c.waits...)
				ctx, cancel := context.WithTimeout(t.Context(), c.after)
				defer cancel()
				err := w.Forward(ctx, events(t, 1))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				if c.want == nil {
					assert.NotErrorIs(t, err, cause)
					return
				}
				assert.ErrorIs(t, err, c.want)
				assert.False(t, Permanent(err))
			})
		})
	}
}

// A look at the brokers that takes long is ended by Close.
func TestWatch_closedWhileLooking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		looked := false
		w.watch.diagnose = func(ctx context.Context) diagnosis {
			<-ctx.Done()
			looked = true
			return diagnosis{err: ctx.Err()}
		}
		w.send(t)
		w.wait(3)
		<-time.After(3 * time.Second)
		start := time.Now()
		require.NoError(t, w.Close())
		assert.Zero(t, time.Since(start))
		assert.True(t, looked)
	})
}

func TestKind(t *testing.T) {
	one := fmt.Errorf("at b1: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
	two := fmt.Errorf("at b2: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
	assert.Equal(t, kind(one), kind(two))
	assert.NotEqual(t, kind(one), kind(&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}))
	assert.Equal(t, kind(errors.Join(one, two)), kind(errors.Join(two, one)))
	other := errors.New("other")
	assert.NotEqual(t, kind(one), kind(errors.Join(one, other)))
	assert.Equal(t, kind(errors.Join(one, other)), kind(errors.Join(other, two, one)), "whichever server was asked first")
}

// Nil stands for the default logger.
func TestWithLogger_nil(t *testing.T) {
	o := options{}
	WithLogger(nil).apply(&o)
	assert.Equal(t, slog.Default(), o.logger)
}
