package durable

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A teller is all that a forwarder tells of its waits.
type teller struct {
	mu      sync.Mutex
	written bytes.Buffer // the log
	waits   []forwarder.WaitInfo
	resumed []forwarder.ResumedInfo
}

// Write is that of the log.
func (w *teller) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written.Write(p)
}

func (w *teller) options(t *testing.T) []forwarder.Option {
	t.Helper()
	return []forwarder.Option{
		forwarder.WithSpool(openSpool(t, t.TempDir(), small())),
		forwarder.WithLogger(slog.New(slog.NewTextHandler(w, nil))),
		forwarder.WithObserver(forwarder.Observer{
			Waiting: func(_ context.Context, i forwarder.WaitInfo) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.waits = append(w.waits, i)
			},
			Resumed: func(_ context.Context, i forwarder.ResumedInfo) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.resumed = append(w.resumed, i)
			},
		}),
	}
}

// lines are those of the log that hold all of these.
func (w *teller) lines(parts ...string) (found []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
lines:
	for line := range strings.Lines(w.written.String()) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}

// told waits until the observer and the log have a cause, and returns the first of it.
func (w *teller) told(t *testing.T, cause string) (first forwarder.WaitInfo) {
	t.Helper()
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, i := range w.waits {
			if strings.Contains(i.Cause.Error(), cause) {
				first = i
				return true
			}
		}
		return false
	}, patience, time.Millisecond, cause)
	quoted := strings.ReplaceAll(cause, `"`, `\"`)
	require.Eventually(t, func() bool { return len(w.lines("delivery waits", quoted)) > 0 }, patience, time.Millisecond, "it comes behind the observer")
	return first
}

// requireResumed checks that the end of the wait was told once, to observer and log.
func (w *teller) requireResumed(t *testing.T, topic string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(w.lines("delivery resumed", "after=")) > 0 }, patience, time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	var of []forwarder.ResumedInfo
	for _, r := range w.resumed {
		if r.Partition == -1 {
			of = append(of, r)
		}
	}
	require.Len(t, of, 1)
	assert.Equal(t, topic, of[0].Topic)
	assert.True(t, of[0].Acknowledged)
	assert.Error(t, of[0].Cause)
}

// requireShutdownSays checks that a Shutdown that does not get done wraps the cause of
// the wait, and that delivery goes on.
func requireShutdownSays(t *testing.T, f *forwarder.Forwarder, cause string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.Shutdown(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "left in the spool, for the next start")
	assert.ErrorContains(t, err, "delivery waits: ")
	assert.ErrorContains(t, err, cause)
}

// The first Shutdown says what it has to send, and until when it tries; one that has
// nothing to send says nothing.
func TestShutdown_saysWhatIsLeft(t *testing.T) {
	k := forwardertest.NewKafka(t)
	fault := k.Unreachable()
	var w teller
	f := start(t, k, nil, w.options(t)...)
	storeSome(t, f, 0, 3)
	ctx, cancel := context.WithDeadline(t.Context(), time.Date(2100, 1, 2, 3, 4, 5, 0, time.UTC))
	ended := make(chan error, 1)
	go func() { ended <- f.Shutdown(ctx) }()
	require.Eventually(t, func() bool { return len(w.lines("stopping: ")) > 0 }, patience, time.Millisecond, "at once")
	assert.Len(t, w.lines("stopping: ", "messages_to_send=3", "until=2100-01-02T03:04:05Z"), 1)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	fault.Stop()
	drainAll(t, f)
	assert.Len(t, w.lines("stopping: "), 1)

	var idle teller
	drainAll(t, start(t, k, nil, idle.options(t)...))
	assert.Empty(t, idle.lines("stopping: "))
}

// A forwarder with a spool that begins while Kafka is away says what its batches wait
// for: first that, then what else keeps them, once for each cause and half minute, and
// that they wait no longer.
func TestUnmet_thenSomethingElse(t *testing.T) {
	const wrong = "not-this-one"
	for name, c := range map[string]struct {
		change func(*settings.Settings)
		mend   func(*forwardertest.Kafka) error
		cause  string
	}{
		"wrong password": {
			change: func(s *settings.Settings) { s.Password = settings.NewSecret(wrong) },
			mend:   func(k *forwardertest.Kafka) error { return k.SetPassword(context.Background(), wrong) },
			cause:  `refused user "`,
		},
		"missing topic": {
			change: func(s *settings.Settings) { s.TopicName = "later" },
			mend:   func(k *forwardertest.Kafka) error { return k.CreateTopic("later", 3) },
			cause:  `has no topic "later": create it, or correct topic_name`,
		},
		"nothing else": {cause: "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			s := k.SettingsFor(settings.SCRAMSHA512)
			if c.change != nil {
				c.change(&s)
			}
			fault := k.Unreachable()
			var w teller
			began := time.Now()
			f, err := forwarder.New(t.Context(), s, append(w.options(t), forwarder.WithoutProbe())...)
			require.NoError(t, err)
			defer f.Close()
			storeSome(t, f, 0, 10)

			first := w.told(t, "connection refused")
			assert.Equal(t, int32(-1), first.Partition)
			assert.False(t, first.Since.Before(began))
			assert.NotEmpty(t, first.Next)
			assert.Len(t, f.Stats().Waits, 1, "which the gauge of waiting partitions has")
			if c.mend != nil {
				fault.Stop()
				w.told(t, c.cause)
				require.Len(t, f.Stats().Waits, 1)
				assert.ErrorContains(t, f.Stats().Waits[0].Cause, c.cause)
			}
			requireShutdownSays(t, f, c.cause)

			fault.Stop()
			if c.mend != nil {
				require.NoError(t, c.mend(k))
			}
			w.requireResumed(t, "")
			drainAll(t, f)
			assert.Empty(t, f.Stats().Waits)
			most := 1 + int(time.Since(began)/(30*time.Second))
			assert.LessOrEqual(t, len(w.lines("delivery waits", "connection refused")), most)
			assert.LessOrEqual(t, len(w.lines("delivery waits", strings.ReplaceAll(c.cause, `"`, `\"`))), most)
			if c.change == nil {
				requireOnce(t, k, 10)
			}
		})
	}
}

// A route whose topic is missing says so, while the other one delivers.
func TestUnmet_route(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 3))
	var w teller
	f := startRoutes(t, k, w.options(t)...)
	for n := range 10 {
		require.NoError(t, f.Store(t.Context(), makeRouted(t, n)))
	}
	const cause = `has no topic "commerce"`
	first := w.told(t, cause)
	assert.Equal(t, "commerce", first.Topic)
	assert.Equal(t, int32(-1), first.Partition)
	require.Eventually(t, func() bool { return f.Stats().Acknowledged == 10 }, patience, time.Millisecond, "the other route")
	require.Eventually(t, func() bool { return len(f.Stats().Waits) == 1 }, patience, time.Millisecond)
	assert.Equal(t, "commerce", f.Stats().Waits[0].Topic)
	requireShutdownSays(t, f, `topic "commerce": `)

	require.NoError(t, k.CreateTopic("commerce", 3))
	w.requireResumed(t, "commerce")
	drainAll(t, f)
	requireRouted(t, k, 10)
}

// A call that waits for Kafka learns at its deadline what its batch waits for, however
// early that is, and so does the function of ForwardAsync.
func TestUnmet_deadline(t *testing.T) {
	k := forwardertest.NewKafka(t)
	k.Unreachable()
	var w teller
	f := start(t, k, nil, w.options(t)...)
	async := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	f.ForwardAsync(ctx, makeBatch(t, 0), func(err error) { async <- err })
	w.told(t, "connection refused")
	cancel()
	err := <-async
	require.True(t, forwarder.Kept(err))
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "delivery waits: ")
	assert.ErrorContains(t, err, "connection refused")
	err = f.Forward(within(t, 100*time.Millisecond), makeBatch(t, 1))
	require.True(t, forwarder.Kept(err))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "connection refused")
}

// Nothing waits where nothing is stored, whatever Kafka does.
func TestUnmet_nothingStored(t *testing.T) {
	k := forwardertest.NewKafka(t)
	fault := k.Unreachable()
	var w teller
	f := start(t, k, nil, w.options(t)...)
	<-time.After(3 * time.Second) // in which it would be told
	assert.Empty(t, f.Stats().Waits)
	assert.Empty(t, w.lines("delivery waits"))
	fault.Stop()
	storeSome(t, f, 0, 3)
	drainAll(t, f)
	requireOnce(t, k, 3)
}

// What a former process has left under way waits visibly, too.
func TestUnmet_leftByFormer(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := openSpool(t, t.TempDir(), small())
	lost := k.LoseAnswers(forwardertest.Produce, forwardertest.UntilStopped)
	f := start(t, k, s)
	storeSome(t, f, 0, 1)
	require.NoError(t, lost.Wait(within(t, patience), 1))
	require.NoError(t, f.Close())
	lost.Stop()

	fault := k.Unreachable()
	var w teller
	f = start(t, k, s, append(w.options(t)[1:], forwarder.WithSpool(s))...)
	w.told(t, "connection refused")
	requireShutdownSays(t, f, "connection refused")
	fault.Stop()
	drainAll(t, f)
	requireOnce(t, k, 1)
}
