package forwarder

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

// The texts of Explain about windows. That they are true is tested where windows are
// (TestWindow_explained).
func TestExplain_window(t *testing.T) {
	s := somewhere
	s.Spool.Dir, s.Spool.Window = "spool", 10*time.Minute
	s.Delivery.MaxMessageBytes = 1000
	s.Delivery.MaxBufferedBytes = 1 << 20
	const event = `{"event_type":"custom_event","data":{"x":"` + "pad" + `"}}`
	long := strings.Replace(event, "pad", strings.Repeat("x", 500), 1)
	for text, want := range map[string]string{
		`{"mp_deviceid":"d","events":[` + event + `]}`:                                 "leaves together with others of its device, after 10m0s at the latest",
		`{"mp_deviceid":"d","events":[]}`:                                              "leaves together with others of its device, after 10m0s at the latest",
		`{"events":[` + event + `]}`:                                                   "leaves at once, beside what waits of its user: no mp_deviceid",
		`{"mp_deviceid":"d","events":[` + event + `,{"event_type":"SESSION_END"}]}`:    "leaves at once, together with what waits of its device: session_end",
		`{"mp_deviceid":"d","events":[` + event + `,{"event_type":"commerce_event"}]}`: "leaves at once, together with what waits of its device: commerce_event",
		`{"mp_deviceid":"d"}`:                                                          "leaves at once, behind what waits of its device: no array of events",
		`{"mp_deviceid":"d","events":[` + long + `,` + long + `]}`:                     "leaves at once, behind what waits of its device: split into 2 messages",
	} {
		b, err := batch.Parse([]byte(text))
		require.NoError(t, err)
		e, err := Explain(t.Context(), s, b)
		require.NoError(t, err)
		require.NoError(t, e.Err)
		require.NotNil(t, e.Window, text)
		assert.Equal(t, want, e.Window.String(), text)
		assert.True(t, strings.HasSuffix(e.String(), "\n  window: "+want+"\n"), e.String())
	}

	b, err := batch.Parse([]byte(`{"mp_deviceid":"d","events":[` + event + `]}`))
	require.NoError(t, err)
	e, err := Explain(t.Context(), s, b)
	require.NoError(t, err)
	data, err := json.Marshal(e)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"window":{"waits":true,"at_most_ms":600000,"closes":false}`)

	s.Spool.Window = 0
	e, err = Explain(t.Context(), s, b)
	require.NoError(t, err)
	assert.Nil(t, e.Window, "there are none")
	assert.NotContains(t, e.String(), "window")
}

// A batch of which nothing leaves waits for nothing.
func TestExplain_windowOfNothing(t *testing.T) {
	s := somewhere
	s.Spool.Dir = "spool"
	dropped, err := batch.Parse([]byte(`{"mp_deviceid":"d","events":[{"event_type":"custom_event"}]}`))
	require.NoError(t, err)
	e, err := Explain(t.Context(), s, dropped, WithWindow(time.Minute), WithFilterFunc("ours", func(context.Context, *batch.Batch) error {
		return batch.Drop("not wanted")
	}))
	require.NoError(t, err)
	assert.Nil(t, e.Window)
}
