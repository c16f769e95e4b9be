package delivery

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A broker that closes connections on a codec is named with the codec, and
// nothing fails for good: it may be taught another setting.
func TestCodec_closes(t *testing.T) {
	k := forwardertest.NewKafka(t)
	fault := k.CloseOnCodecs(settings.Zstd)
	f := open(t, k)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	var l ledger
	for i := range 5 {
		l.send(ctx, t, f, int64(i+1), 100)
	}
	l.waiting.Wait()
	assert.NotZero(t, fault.Hits())
	named := 0
	for _, e := range l.entries {
		assert.ErrorIs(t, e.err, context.DeadlineExceeded)
		assert.False(t, forwarder.Permanent(e.err), "%v", e.err)
		if assert.ErrorContains(t, e.err, "delivery waits") {
			named++
			assert.ErrorContains(t, e.err, "zstd")
			assert.ErrorContains(t, e.err, "delivery.compression")
		}
	}
	fault.Stop()
	l.settle(within(t, 30*time.Second))
	l.send(within(t, 30*time.Second), t, f, 7, 10)
	l.waiting.Wait()
	assert.Zero(t, l.check(t, k, 12).unknown)
}

// A codec that is refused with an error is named, and so is the setting.
func TestCodec_refused(t *testing.T) {
	for _, code := range []int16{76, -1} {
		t.Run(strconv.Itoa(int(code)), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			fault := k.FailCodecs("events", code, settings.Zstd)
			f := open(t, k)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var l ledger
			l.send(ctx, t, f, 7, 10)
			amidPause(t, fault)
			cancel()
			l.waiting.Wait()
			err := l.entries[0].err
			assert.ErrorContains(t, err, "zstd")
			assert.ErrorContains(t, err, "delivery.compression")
			assert.False(t, forwarder.Permanent(err), "%v", err)
			fault.Stop()
			l.settle(within(t, 30*time.Second))
			l.check(t, k, 12)
		})
	}
}
