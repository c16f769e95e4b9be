package doors

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

func smallSpool(t *testing.T) settings.Spool {
	t.Helper()
	return settings.Spool{Dir: t.TempDir(), MaxBytes: 8 << 20}
}

// What both doors answer 2xx while Kafka is away is on the disk: the next forwarder
// brings it to Kafka, once.
func TestDoors_spoolWhileKafkaIsAway(t *testing.T) {
	s := smallSpool(t)
	h := openWithSpool(t, s, nil, nil)
	away := h.kafka.Unreachable()
	const hook = `{"mpid":1,"message_id":"m-1","events":[{"event_type":"custom_event","data":{}}]}`
	assert.Equal(t, http.StatusOK, h.hook(t.Context(), hook))
	assert.Equal(t, http.StatusOK, h.hook(t.Context(), hook), "a repetition")
	assert.Equal(t, http.StatusOK, h.hook(t.Context(), `[{"mpid":2,"message_id":"m-2"},{"mpid":3,"message_id":"m-3"}]`))
	status, text := h.sdk(t.Context(), "/v2/events", `{"mpid":4,"events":[]}`)
	assert.Equal(t, http.StatusAccepted, status, text)
	status, text = h.sdk(t.Context(), "/v2/bulkevents", `[{"mpid":5,"events":[]},{"mpid":6,"events":[]}]`)
	assert.Equal(t, http.StatusAccepted, status, text)
	require.NoError(t, h.f.Ready())
	assert.Equal(t, 6, h.f.Stats().Spool.Messages)

	require.NoError(t, h.f.Close())
	assert.Equal(t, http.StatusServiceUnavailable, h.hook(t.Context(), `{"mpid":7,"message_id":"m-7"}`))
	next := h.forward(t.Context(), t, s)
	away.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, next.Shutdown(ctx))
	var users []string
	for _, m := range h.kafka.Messages(t, "events") {
		users = append(users, forwardertest.Member("mpid")(m))
	}
	slices.Sort(users)
	assert.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, users)
}

// A full spool is answered 503. What was accepted is in Kafka once, and so is what
// was refused and is posted again when there is room.
func TestWebhook_spoolFull(t *testing.T) {
	h := openWithSpool(t, smallSpool(t), nil, nil, receiver.WithDeadline(300*time.Millisecond))
	m := &mParticle{house: h, dropped: map[string]string{}, unanswered: map[string]bool{}, answers: map[int]int{}}
	body := func(id string) string {
		return fmt.Sprintf(`{"mpid":1,"message_id":%q,"id":%q,"events":[{"event_type":"custom_event","data":{"x":%q}}]}`, id, id, strings.Repeat("x", 500_000))
	}
	away := h.kafka.Unreachable()
	posts, last := 0, ""
	for h.f.Ready() == nil {
		require.Less(t, posts, 200, "more than the spool has room for")
		posts++
		last = fmt.Sprintf("b-%d", m.answers[http.StatusOK]) // the same again when a busy disk was too slow
		m.note(h.hook(t.Context(), body(last)), last, "")
	}
	assert.Greater(t, m.answers[http.StatusOK], 5)
	require.ErrorIs(t, h.f.Ready(), spool.ErrFull)
	away.Stop()
	eventually(t, func() bool {
		status := h.hook(t.Context(), body(last))
		m.note(status, last, "")
		return status == http.StatusOK
	}, "there is room again")
	require.NoError(t, h.f.Ready())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, h.f.Shutdown(ctx))
	messages := h.kafka.Messages(t, "events")
	lost, twice, _ := m.verify(messages)
	assert.Empty(t, lost)
	assert.Empty(t, twice)
	assert.Len(t, messages, len(m.accepted))
	assert.Empty(t, m.dropped)
}
