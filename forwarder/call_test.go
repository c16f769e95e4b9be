package forwarder

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// A call whose batch is not accepted keeps nothing of it while ForwardAll waits for
// others.
func TestCall_notAccepted(t *testing.T) {
	messagePerEvent := func(s *settings.Settings) { s.SendAsBatch = settings.Off }
	t.Run("closed meanwhile", func(t *testing.T) {
		var f *Forwarder
		f = withProducer(t, prompt{}, func(s *settings.Settings, o *options) {
			messagePerEvent(s)
			o.filters = []namedFilter{filter("closes", func(context.Context, *batch.Batch) error {
				f.inFlight.close()
				return nil
			})}
		})
		c := f.begin(t.Context(), events(t, 1000), false, nil)
		assert.ErrorIs(t, c.wait(), ErrClosed)
		assert.Equal(t, &delivery{}, &c.own)
	})
	t.Run("no room", func(t *testing.T) {
		f := withProducer(t, prompt{}, func(s *settings.Settings, _ *options) { messagePerEvent(s) })
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, f.buffer.take(t.Context(), f.buffer.limit))
		go func() {
			for waiting := 0; waiting == 0; _, waiting = f.buffer.state() {
				runtime.Gosched()
			}
			cancel()
		}()
		c := f.begin(ctx, events(t, 1000), false, nil)
		assert.ErrorContains(t, c.wait(), "bytes of the buffer")
		assert.Equal(t, &delivery{}, &c.own)
	})
	t.Run("a spool that is closed", func(t *testing.T) {
		var s settings.Settings
		messagePerEvent(&s)
		f := onSpool(t, s, absent{})
		require.NoError(t, f.spool().store.Close(t.Context()))
		c := f.begin(t.Context(), events(t, 1000), true, nil)
		assert.True(t, NothingSent(c.wait()))
		assert.Equal(t, &delivery{}, &c.own)
	})
}

// The memory of what is not accepted is used again.
func TestDelivery_letGo(t *testing.T) {
	f := withProducer(t, prompt{}, nil)
	defer f.Close()
	b := events(t, 30)
	assert.Eventually(t, func() bool { // as a pool may lose what it is given
		o, _, err := f.pipeline.outlineOf(t.Context(), b)
		require.NoError(t, err)
		d := &delivery{outline: o}
		d.encode(f.newCall(t.Context(), b), b, &f.pool)
		memory := d.memory
		d.letGo(&f.pool)
		return memory == f.pool.take(cap(*memory))
	}, time.Minute, time.Microsecond)
}
