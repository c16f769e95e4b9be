package doors

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/receiver"
)

// A mParticle posts batches as mParticle's webhook output does: it repeats what was
// answered 5xx, or not at all, a limited number of times, and drops what was
// answered 4xx.
type mParticle struct {
	house *house
	ids   bool // whether batches have a message_id
	count atomic.Int64

	mu         sync.Mutex
	accepted   []string          // the ids of batches that were answered 2xx
	dropped    map[string]string // bodies that were answered 4xx
	unanswered map[string]bool   // the ids of those of which a post had no answer
	answers    map[int]int       // how many of each status
	gaveUp     int               // batches that were repeated too often
}

const (
	workers     = 8
	repetitions = 200 // more than mParticle's: here they come without its pauses
)

// post posts one batch until it is accepted, dropped or given up.
func (m *mParticle) post(ctx context.Context) {
	n := m.count.Add(1)
	id := fmt.Sprintf("b-%d", n)
	message := fmt.Sprintf(`"message_id":%q,`, id)
	if !m.ids {
		message = ""
	}
	body := fmt.Sprintf(`{"mpid":%d,%s"id":%q,"events":[{"event_type":"custom_event","data":{"event_name":"a"}}]}`, n%50+1, message, id)
	if n%40 == 0 {
		body = fmt.Sprintf(`{"mpid":"poison","id":%q}`, id)
	}
	for range repetitions {
		status := m.house.hook(ctx, body)
		m.note(status, id, body)
		if status >= 200 && status < 500 && status != http.StatusRequestTimeout {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond): // of its pause
		case <-ctx.Done():
			return
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gaveUp++
}

func (m *mParticle) note(status int, id, body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[status]++
	switch {
	case status == 0:
		m.unanswered[id] = true
	case status >= 200 && status < 300:
		m.accepted = append(m.accepted, id)
	case status >= 400 && status < 500:
		m.dropped[id] = body
	}
}

// answered returns how many answers had the status.
func (m *mParticle) answered(status int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answers[status]
}

// load posts from several workers while faults come and go.
func (m *mParticle) load(t *testing.T, faults func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	m.dropped, m.unanswered, m.answers = map[string]string{}, map[string]bool{}, map[int]int{}
	var running sync.WaitGroup
	stop := make(chan struct{})
	for range workers {
		running.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-stop:
					return
				default:
					m.post(ctx)
				}
			}
		})
	}
	defer running.Wait()
	func() {
		defer close(stop) // also where faults ends the test
		faults()
	}()
	running.Wait()
	require.NoError(t, ctx.Err())
}

// verify returns what is wrong with what the topic holds.
func (m *mParticle) verify(messages []forwardertest.Message) (lost, twice, unkept []string) {
	times := map[string]int{}
	for _, message := range messages {
		times[forwardertest.Member("id")(message)]++
	}
	for _, id := range m.accepted {
		if times[id] == 0 {
			lost = append(lost, id)
		}
	}
	for id, n := range times {
		if n > 1 {
			twice = append(twice, id)
		}
	}
	for id, body := range m.dropped {
		if !m.house.wasQuarantined(body) {
			unkept = append(unkept, id)
		}
	}
	return lost, twice, unkept
}

// outages takes Kafka away twice under load: once it is gone, and once it hears and
// does not answer, so that outcomes become unknown.
func (m *mParticle) outages(t *testing.T) func() {
	return func() {
		k := m.house.kafka
		for _, fault := range []func(...int) *forwardertest.Fault{k.Unreachable, k.Silence} {
			before, failed := m.answered(http.StatusOK), m.answered(http.StatusServiceUnavailable)
			eventually(t, func() bool { return m.answered(http.StatusOK) >= before+50 }, "batches are accepted")
			f := fault()
			eventually(t, func() bool { return m.answered(http.StatusServiceUnavailable) >= failed+3*workers }, "batches are not accepted")
			f.Stop()
		}
		before := m.answered(http.StatusOK)
		eventually(t, func() bool { return m.answered(http.StatusOK) >= before+100 }, "batches are accepted again")
	}
}

func TestWebhook_outagesUnderLoad(t *testing.T) {
	h := open(t, nil, nil, receiver.WithDeadline(300*time.Millisecond))
	m := &mParticle{house: h, ids: true}
	m.load(t, m.outages(t))
	lost, twice, unkept := m.verify(h.kafka.Messages(t, "events"))
	assert.Empty(t, lost, "answered 2xx, and not in Kafka")
	assert.Empty(t, twice, "in Kafka twice")
	assert.Empty(t, unkept, "answered 4xx, and not in quarantine")
	assert.Zero(t, m.gaveUp)
	assert.NotEmpty(t, m.dropped)
	for status := range m.answers {
		assert.Contains(t, []int{200, 400, 503}, status)
	}
	t.Logf("%d batches, answers %v", m.count.Load(), m.answers)
}

// A hasty forwarder says that a batch is kept before it is, and gives up soon.
type hasty struct {
	f      *forwarder.Forwarder
	failed atomic.Int64
}

func (h *hasty) Forward(_ context.Context, b *batch.Batch) error {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	h.f.ForwardAsync(ctx, b, func(err error) {
		cancel()
		if forwarder.NothingSent(err) {
			h.failed.Add(1)
		}
	})
	return nil
}

func (h *hasty) ForwardAll(ctx context.Context, bs []*batch.Batch) []error {
	for _, b := range bs {
		_ = h.Forward(ctx, b)
	}
	return nil
}

// A door that answers before Kafka has acknowledged is caught by the same check.
func TestWebhook_checkCatchesAnEarlyAnswer(t *testing.T) {
	var early *hasty
	h := open(t, func(f *forwarder.Forwarder) receiver.Forwarder { early = &hasty{f: f}; return early }, nil)
	m := &mParticle{house: h, ids: true}
	m.load(t, func() {
		eventually(t, func() bool { return m.answered(http.StatusOK) >= 50 }, "batches are accepted")
		f := h.kafka.Unreachable()
		eventually(t, func() bool { return early.failed.Load() > 0 }, "batches are given up")
		f.Stop()
	})
	lost, _, _ := m.verify(h.kafka.Messages(t, "events"))
	assert.NotEmpty(t, lost)
}

// Without ids the door cannot tell repetitions, and the check sees that.
func TestWebhook_checkCatchesRepetitions(t *testing.T) {
	h := open(t, nil, nil, receiver.WithDeadline(300*time.Millisecond))
	m := &mParticle{house: h}
	m.load(t, m.outages(t))
	lost, twice, _ := m.verify(h.kafka.Messages(t, "events"))
	assert.Empty(t, lost)
	assert.NotEmpty(t, twice)
}

// A batch whose outcome was unknown, and that is posted again, is in Kafka once.
func TestServerAPI_unknownOutcomeThatComesAgain(t *testing.T) {
	h := open(t, nil, nil, receiver.WithDeadline(300*time.Millisecond))
	const one = `{"mpid":7,"source_request_id":"r-1","events":[{"event_type":"custom_event","data":{}}]}`
	const others = `[{"mpid":8,"events":[]},{"mpid":7,"source_request_id":"r-2"},{"mpid":9}]`
	var status int
	var text string
	accepted := func(path, body string) {
		t.Helper()
		eventually(t, func() bool {
			status, text = h.sdk(t.Context(), path, body)
			return status == http.StatusAccepted
		}, "accepted in the end")
	}
	accepted("/v2/events", strings.Replace(one, "r-1", "r-0", 1)) // so that there is a connection, which a busy machine needs longer for

	silent := h.kafka.WithholdAnswers(forwardertest.Produce, 1) // of the next produce request, which is carried out
	for path, body := range map[string]string{"/v2/events": one, "/v2/bulkevents": others} {
		status, text = h.sdk(t.Context(), path, body)
		require.Equal(t, http.StatusServiceUnavailable, status, text)
	}
	require.Positive(t, silent.Hits())
	silent.Stop()
	h.kafka.CutConnections()
	for path, body := range map[string]string{"/v2/events": one, "/v2/bulkevents": others} {
		accepted(path, body)
	}
	var ids []string
	for _, m := range h.kafka.Messages(t, "events") {
		ids = append(ids, forwardertest.Member("mpid")(m)+" "+forwardertest.Member("source_request_id")(m))
	}
	slices.Sort(ids)
	assert.Equal(t, []string{"7 r-0", "7 r-1", "7 r-2", "8 ", "9 "}, ids)
}
