package doors

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/receiver"
)

// A batch that was split, of which one part is in Kafka and the others were withdrawn,
// comes again: only the others are forwarded.
func TestWebhook_batchThatWasPartlyKept(t *testing.T) {
	h := open(t, nil, nil, receiver.WithDeadline(1500*time.Millisecond))
	h.stillServes(t)
	var events []string
	for i := range 3 {
		events = append(events, fmt.Sprintf(`{"event_type":"custom_event","data":{"event_name":"e-%d","custom_attributes":{"a":%q}}}`, i, strings.Repeat("x", 600_000)))
	}
	body := `{"mpid":7,"message_id":"m-1","events":[` + strings.Join(events, ",") + `]}`

	silent := h.kafka.Silence()
	require.Equal(t, http.StatusServiceUnavailable, h.hook(t.Context(), body))
	silent.Stop()
	eventually(t, func() bool { return h.hook(t.Context(), body) == http.StatusOK }, "accepted in the end")

	var names, parts []string
	for _, m := range h.kafka.Messages(t, "events") {
		b, err := batch.Parse(m.Value)
		require.NoError(t, err)
		for _, e := range b.Events() {
			names = append(names, e.Name())
		}
		for _, header := range m.Headers {
			parts = append(parts, string(header.Value))
		}
	}
	slices.Sort(names)
	assert.Equal(t, []string{"e-0", "e-1", "e-2"}, names, "each event once")
	assert.Equal(t, []string{"1/3", "1/2", "2/2"}, parts, "the rest was a batch of its own")
}
