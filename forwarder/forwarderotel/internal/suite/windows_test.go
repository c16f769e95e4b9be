package suite_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// Windows show, and those that close early because there are too many.
func TestMetrics_windows(t *testing.T) {
	w := watch(t, func(s *settings.Settings) {
		s.Spool = smallSpool(t)
		s.Spool.Window = time.Hour
		s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = 2_000, 64<<10
	})
	const devices, most = 60, 64 << 10 / 4 / 352
	for i := range devices {
		b, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"mp_deviceid":"d","events":[{"event_type":"custom_event"}]}`, 1+i))
		require.NoError(t, err)
		require.NoError(t, w.Store(t.Context(), b))
	}
	eventually(t, func() bool { return w.metrics(t)["eventferry.spool.windows.open{}"] == most }, "those that were closed are stored")
	got := w.metrics(t)
	assert.InDelta(t, devices-most, got["eventferry.spool.windows.closed_early{}"], 0)
	assert.InDelta(t, 3600, got["eventferry.spool.windows.length{}"], 0)
}

// Without windows an alert still has their length to subtract.
func TestMetrics_noWindows(t *testing.T) {
	got := watch(t, func(s *settings.Settings) { s.Spool = smallSpool(t) }).metrics(t)
	assert.Contains(t, got, "eventferry.spool.windows.length{}")
	assert.Zero(t, got["eventferry.spool.windows.length{}"])
}
