package watch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Callers that give up one after the other do not make delivery resume, and each
// of their waits is in the log.
func TestWatcher_withdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.set(always(errors.New("no topic")))
		w.send()
		for round := range 3 {
			w.wait(3)
			<-time.After(3 * time.Second)
			assert.Equal(t, round+1, w.lines("delivery waits"), "logged when it begins")
			w.wait()
			<-time.After(3 * time.Second)
			assert.Equal(t, round+1, w.lines("nothing waits any more"))
		}
		assert.Zero(t, w.lines("delivery resumed"))
	})
}

// An acknowledgement counts for the partition that waits, from the round on that
// found the wait, also while a diagnosis takes its time.
func TestWatcher_acknowledged(t *testing.T) {
	for name, tt := range map[string]struct {
		waiting, acknowledged int32
		resumed               int
	}{
		"of the partition":                  {3, 3, 1},
		"of another partition":              {3, 4, 0},
		"of any, and the topic was unknown": {AnyPartition, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatched(t)
				defer w.Close()
				w.Diagnose = func(context.Context) func(int32) error {
					w.wait()
					w.Acknowledged(tt.acknowledged)
					return always(nil)
				}
				w.Acknowledged(tt.waiting) // before it waits: does not count
				w.send()
				w.wait(tt.waiting)
				<-time.After(5 * time.Second)
				assert.Equal(t, 1, w.lines("delivery waits"))
				assert.Equal(t, tt.resumed, w.lines("delivery resumed"))
				assert.Equal(t, 1-tt.resumed, w.lines("nothing waits any more"))
			})
		})
	}
}

// What a partition got acknowledged before it came to wait again does not count.
func TestWatcher_acknowledgedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.send()
		w.wait(3)
		<-time.After(3500 * time.Millisecond)
		w.Acknowledged(3)
		w.setWaiting(producer.Waiting{Partition: 3, Since: time.Now().Add(-Threshold)})
		<-time.After(2 * time.Second)
		w.wait()
		<-time.After(2 * time.Second)
		assert.Zero(t, w.lines("delivery resumed"))
		assert.Equal(t, 1, w.lines("nothing waits any more"))
	})
}

// A wait that begins while its cause is in the log already, within half a minute,
// is logged when that is over.
func TestWatcher_heldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.send()
		w.wait(3)
		<-time.After(3 * time.Second)
		w.wait()
		w.Acknowledged(3)
		<-time.After(2 * time.Second)
		require.Equal(t, 1, w.lines("delivery resumed"))
		w.wait(3)
		<-time.After(20 * time.Second)
		assert.Equal(t, 1, w.lines("delivery waits"))
		<-time.After(9 * time.Second)
		assert.Equal(t, 2, w.lines("delivery waits"))
		assert.Len(t, w.reported(), 2, "the observer is told of it once, when it begins")
	})
}

// The text of an expired certificate holds the current time.
func TestWatcher_expired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		w.set(always(nil))
		w.Diagnose = func(context.Context) func(int32) error {
			now := time.Now()
			cert := &x509.Certificate{NotAfter: now.Add(-time.Hour)}
			expired := x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired, Detail: now.Format(time.RFC3339)}
			return always(fmt.Errorf("certificate of b1:9093 expired: %w", expired))
		}
		w.send()
		w.wait(3)
		<-time.After(29 * time.Second)
		assert.Len(t, w.reported(), 1)
		assert.Equal(t, 1, w.lines("delivery waits"))
	})
}

func TestCauseKey_kinds(t *testing.T) {
	invalid := func(reason x509.InvalidReason, detail string) error {
		return x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: reason, Detail: detail}
	}
	assert.Equal(t, causeKey(invalid(x509.Expired, "now")), causeKey(invalid(x509.Expired, "later")))
	assert.NotEqual(t, causeKey(invalid(x509.Expired, "")), causeKey(invalid(x509.IncompatibleUsage, "")))
	assert.Equal(t, causeKey(errors.New("token expired at 2026-01-31T12:00:00Z: renew it")),
		causeKey(errors.New("token expired at 2026-02-01T13:00:00.5Z: renew it")))
	assert.NotEqual(t, causeKey(errors.New("b1:9093: no answer")), causeKey(errors.New("b2:9093: no answer")))
}

// Of several causes the one that has lasted longest is told, the same each time.
func TestWatcher_longest(t *testing.T) {
	now := time.Now()
	cause := func(p int32) error { return fmt.Errorf("cause of %d", p) }
	waiting := func(since map[int32]time.Duration) map[int32]*wait {
		waits := map[int32]*wait{}
		for p, d := range since {
			waits[p] = &wait{info: Info{Partition: p, Since: now.Add(-d), Cause: cause(p)}}
		}
		return waits
	}
	for name, tt := range map[string]struct {
		since     map[int32]time.Duration
		partition int32
		want      error
	}{
		"of all, the longest":               {map[int32]time.Duration{1: 1, 5: 3, 7: 2}, AnyPartition, cause(5)},
		"of equals, the lowest":             {map[int32]time.Duration{9: 3, 5: 3, 7: 3}, AnyPartition, cause(5)},
		"its own":                           {map[int32]time.Duration{1: 3, 5: 1, AnyPartition: 9}, 5, cause(5)},
		"its own is not there":              {map[int32]time.Duration{1: 3}, 5, nil},
		"that of messages without":          {map[int32]time.Duration{1: 3, AnyPartition: 1}, 5, cause(AnyPartition)},
		"of all, messages without included": {map[int32]time.Duration{1: 3, AnyPartition: 4}, AnyPartition, cause(AnyPartition)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatched(t)
			defer w.Close()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			w.Watcher.waits = waiting(tt.since)
			err := w.Err(ctx, tt.partition)
			if tt.want == nil {
				assert.Equal(t, context.Canceled, err)
			} else {
				assert.EqualError(t, err, "context canceled: delivery waits: "+tt.want.Error())
			}
		})
	}
}

// An acknowledgement that comes after the producer has listed the partition once
// more, and before that list is looked at, counts.
func TestWatcher_acknowledgedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		list, rounds := w.Waiting, 0
		w.Waiting = func(threshold time.Duration) []producer.Waiting {
			waiting := list(threshold)
			if len(waiting) > 0 {
				if rounds++; rounds == 2 {
					w.Acknowledged(3)
					w.wait()
				}
			}
			return waiting
		}
		w.send()
		w.wait(3)
		<-time.After(5 * time.Second)
		assert.Equal(t, 1, w.lines("delivery resumed"))
	})
}

// Thousands of calls with one deadline ask the producer once.
func TestWatcher_asksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		defer w.Close()
		asked := 0
		w.Waiting = func(time.Duration) []producer.Waiting { asked++; return nil }
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 1000 {
			assert.Equal(t, context.Canceled, w.Err(ctx, 3))
		}
		assert.Equal(t, 1, asked)
		<-time.After(producerAnswerValid)
		assert.Equal(t, context.Canceled, w.Err(ctx, 3))
		assert.Equal(t, 2, asked)
		<-time.After(producerAnswerValid / 2)
		assert.Equal(t, context.Canceled, w.Err(ctx, 3))
		assert.Equal(t, 2, asked)
		assert.Equal(t, 20*time.Millisecond, producerAnswerValid)
	})
}
