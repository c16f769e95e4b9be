package delivery

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// Of one batch that becomes many messages some are in a request when ctx ends.
// They alone are unknown and arrive; the others are named as what remains.
func TestWithdraw_inParts(t *testing.T) {
	t.Parallel()
	const events = 20
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	s.SendAsBatch = settings.Off
	f := engine.start(t, s)
	require.NoError(t, f.Forward(within(t, time.Minute), wide(t, 1, 10)))
	fault := k.Silence()
	defer fault.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := f.Forward(ctx, wide(t, events, 50_000))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var d *forwarder.DeliveryError
	require.ErrorAs(t, err, &d)
	require.Len(t, d.Failures, events)
	sent := 0
	for i, failure := range d.Failures {
		if failure.Outcome == forwarder.Unknown {
			assert.Equal(t, sent, i, "what goes first is sent first")
			sent++
		}
	}
	assert.Positive(t, sent)
	assert.Less(t, sent, events)
	rest := d.Remaining()
	require.NotNil(t, rest)
	assert.Equal(t, events-sent, rest.NumEvents())

	fault.Stop()
	err = d.Wait(within(t, time.Minute))
	require.ErrorAs(t, err, &d)
	assert.Len(t, d.Failures, events-sent, "the others are acknowledged")
	require.NoError(t, f.Forward(within(t, time.Minute), rest))
	assert.Len(t, k.Messages(t, "events"), 1+events, "each event once")
}

// wide is one user's batch of several events.
func wide(t *testing.T, events, size int) *batch.Batch {
	t.Helper()
	list := make([]string, events)
	for i := range list {
		list[i] = fmt.Sprintf(`{"event_type":"custom_event","data":{"n":%d,"pad":%q}}`, i, strings.Repeat("x", size))
	}
	b, err := batch.Parse([]byte(`{"mpid":7,"events":[` + strings.Join(list, ",") + `]}`))
	require.NoError(t, err)
	return b
}

// What a broker has certainly not written is as if it had not been sent, however
// often it was refused: it can be taken back. What is refused after an attempt
// that may have been written cannot.
func TestWithdraw_afterRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		first int16 // answer
		want  tally
	}{
		"certainly not written": {19, tally{acknowledged: 2, notSent: 5}},
		"perhaps written":       {5, tally{acknowledged: 7}},
		"written":               {20, tally{acknowledged: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			s := k.Settings()
			s.Delivery.Linger = 100 * time.Millisecond // they travel together
			f := engine.start(t, s)
			var l ledger
			e, b := l.make(t, 7, 10)
			l.note(e, f.Forward(within(t, time.Minute), b))
			k.Fail(forwardertest.Produce, c.first, 1)
			fault := replicasMissing(k)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range 5 {
				l.send(ctx, t, f, 7, 10)
			}
			amidPause(t, fault)
			cancel()
			l.waiting.Wait()
			for _, e := range l.entries[1:] {
				require.ErrorIs(t, e.err, context.Canceled)
				assert.Equal(t, c.want.notSent > 0, forwarder.NothingSent(e.err))
			}
			fault.Stop()
			e, b = l.make(t, 7, 10)
			l.note(e, f.Forward(within(t, time.Minute), b))
			l.settle(within(t, time.Minute))
			assert.Equal(t, c.want, l.check(t, k, 12))
		})
	}
}

// amidPause waits until a partition has been refused so often that the engine
// pauses for more than half a second, and for some of that: nothing is in a
// request then.
func amidPause(t testing.TB, refused *forwardertest.Fault) {
	t.Helper()
	require.NoError(t, refused.Wait(within(t, time.Minute), refused.Hits()+6))
	<-time.After(200 * time.Millisecond)
}

// Close during an outage decides exactly: unknown is only what a broker may have.
func TestWithdraw_close(t *testing.T) {
	for name, c := range map[string]struct {
		start   func(*forwardertest.Kafka) *forwardertest.Fault
		unknown bool
	}{
		"refused":     {replicasMissing, false},
		"not allowed": {notAllowed, false},
		"silent":      {outages["silent"], true},
		"timed out":   {timedOut, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			f := open(t, k)
			var l ledger
			l.send(t.Context(), t, f, 7, 10)
			l.waiting.Wait()
			fault := c.start(k)
			defer fault.Stop()
			for range 30 {
				l.send(t.Context(), t, f, 7, 100_000)
			}
			if c.unknown {
				<-time.After(patience)
			} else {
				amidPause(t, fault)
			}
			start := time.Now()
			require.NoError(t, f.Close())
			if !racing {
				assert.Less(t, time.Since(start), machine.Allow(500*time.Millisecond, start))
			}
			fault.Stop()
			sum := l.check(t, k, 12)
			t.Logf("%+v", sum)
			if c.unknown {
				assert.LessOrEqual(t, sum.unknown, 12, "what one request holds at most")
			} else {
				assert.Zero(t, sum.unknown)
			}
			assert.Equal(t, 31, sum.acknowledged+sum.notSent+sum.unknown)
		})
	}
}
