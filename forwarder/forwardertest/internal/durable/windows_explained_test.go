package durable

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// What Explain says of a batch is what becomes of it behind one that waits.
func TestWindow_explained(t *testing.T) {
	pad := strings.Repeat("x", 600)
	for name, c := range map[string]struct {
		members, events string
		before, after   [][]int // in Kafka, before what is open closes and after
	}{
		"waits":         {`"mp_deviceid":"a",`, `{"event_type":"custom_event","data":{"n":1}}`, nil, [][]int{{0, 1}}},
		"no device":     {``, `{"event_type":"custom_event","data":{"n":1}}`, [][]int{{1}}, [][]int{{1}, {0}}},
		"session_end":   {`"mp_deviceid":"a",`, `{"event_type":"session_end","data":{"n":1}}`, [][]int{{0, 1}}, [][]int{{0, 1}}},
		"commerce":      {`"mp_deviceid":"a",`, `{"event_type":"Commerce_Event","data":{"n":1}}`, [][]int{{0, 1}}, [][]int{{0, 1}}},
		"without array": {`"mp_deviceid":"a",`, "", [][]int{{0}, nil}, [][]int{{0}, nil}},
		"split": {`"mp_deviceid":"a",`, fmt.Sprintf(`{"event_type":"custom_event","data":{"n":1,"pad":"%s"}},{"event_type":"custom_event","data":{"n":2,"pad":"%s"}}`, pad, pad),
			[][]int{{0}, {1}, {2}}, [][]int{{0}, {1}, {2}}},
	} {
		t.Run(name, func(t *testing.T) {
			text := `{"mpid":7,` + c.members + `"ip":"1.2.3.4","events":[` + c.events + `]}`
			if c.events == "" {
				text = `{"mpid":7,` + c.members + `"ip":"1.2.3.4"}`
			}
			b, err := batch.Parse([]byte(text))
			require.NoError(t, err)
			k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 1))
			s := k.Settings()
			s.Spool.Dir, s.Spool.Window = t.TempDir(), time.Hour
			s.Delivery.MaxMessageBytes = 1000
			e, err := forwarder.Explain(t.Context(), s, b)
			require.NoError(t, err)
			f, err := forwarder.New(t.Context(), s, forwarder.WithLogger(quiet))
			require.NoError(t, err)
			defer f.Close()

			first, err := batch.Parse([]byte(`{"mpid":7,"mp_deviceid":"a","ip":"1.2.3.4","events":[{"event_type":"custom_event","data":{"n":0}}]}`))
			require.NoError(t, err)
			require.NoError(t, f.Store(t.Context(), first))
			require.NoError(t, f.Store(t.Context(), b))
			open := 1
			if e.Window.Closes {
				open = 0
			}
			require.Eventually(t, func() bool {
				return f.Stats().Spool.Windows == open && len(k.Messages(t, "events")) == len(c.before)
			}, patience, 10*time.Millisecond)
			assert.Equal(t, c.before, numbersOf(t, k.Messages(t, "events")))
			assert.Equal(t, e.Window.Waits && !e.Window.Closes, e.Window.AtMost == time.Hour)
			together := false
			drainAll(t, f)
			messages := numbersOf(t, k.Messages(t, "events"))
			assert.Equal(t, c.after, messages)
			for _, m := range messages {
				together = together || len(m) > 1
			}
			assert.Equal(t, e.Window.Waits, together, e.Window)
		})
	}
}
