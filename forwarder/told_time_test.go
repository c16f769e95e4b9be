package forwarder

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// Whatever tells how long a call took, or since when a batch waits, has its call read
// the clock.
func TestForwarder_tellsTime(t *testing.T) {
	for name, c := range map[string]struct {
		observer func(add func(context.Context, ForwardInfo)) Observer
		want     time.Duration
	}{
		"done":    {func(add func(context.Context, ForwardInfo)) Observer { return Observer{Done: add} }, time.Second},
		"settled": {func(add func(context.Context, ForwardInfo)) Observer { return Observer{Settled: add} }, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var took []time.Duration
				p := &fakeProducer{}
				f := withProducer(t, p, func(_ *settings.Settings, o *options) {
					o.observer = c.observer(func(_ context.Context, i ForwardInfo) { took = append(took, i.Duration) })
				})
				defer f.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				f.ForwardAsync(ctx, events(t, 1), func(error) {})
				p.hand(p.groups[0], 1)
				<-time.After(2 * time.Second)
				p.ack(p.groups[0])
				synctest.Wait()
				assert.Equal(t, []time.Duration{c.want}, took)
			})
		})
	}
	t.Run("spool", func(t *testing.T) {
		f := onSpool(t, settings.Settings{}, absent{})
		require.NoError(t, f.Store(t.Context(), events(t, 1)))
		assert.WithinDuration(t, time.Now(), f.spool().store.Stats().Oldest, time.Hour)
	})
}
