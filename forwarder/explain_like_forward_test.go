package forwarder

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

// recording acknowledges at once and keeps what it was given.
type recording struct {
	producer.Producer
	messages []producer.Message
}

// Waiting is what the watcher asks after a second on a slow machine.
func (*recording) Waiting(time.Duration) []producer.Waiting { return nil }

func (r *recording) Submit(g *producer.Group) {
	for i, m := range g.Messages {
		m.Key, m.Value = bytes.Clone(m.Key), bytes.Clone(m.Value)
		r.messages = append(r.messages, m)
		g.Owner.Settle(i, producer.Result{Outcome: producer.Acknowledged})
	}
}

func (*recording) Close() error { return nil }

// Explain says the same as Forward does: every batch of the data folder, or
// generated ones, and random settings.
func TestExplain_likeForward(t *testing.T) {
	var texts [][]byte
	for _, text := range explainedSamples(t) {
		texts = append(texts, []byte(text))
	}
	texts = append(texts, testbatch.Batches(8, 10, 11)...)
	texts = append(texts, testbatch.Batches(4, 1, 12)...)
	texts = append(texts, []byte(explained), []byte(fullBatch), []byte(`{}`),
		[]byte(`{"mpid":3,"events":[{"event_type":"opt_out","data":{"x":"`+strings.Repeat("x", 5000)+`"}}]}`))
	r := rand.New(rand.NewPCG(22, 200))
	seen := map[string]int{}
	tries := 200
	if testing.Short() {
		tries = 30
	}
	for range tries {
		compareWithForward(t, randomSettings(r), texts, seen)
	}
	for _, what := range []string{"dropped", "dropped event", "edited", "sent", "split", "failed"} {
		assert.Positive(t, seen[what], "the random settings never have a batch %s", what)
	}
}

// explainedSamples are the public samples where there are some.
func explainedSamples(t *testing.T) (list map[string]string) {
	t.Run("samples", func(t *testing.T) { list = sharedBatches(t) })
	return list
}

func compareWithForward(t *testing.T, s settings.Settings, texts [][]byte, seen map[string]int) {
	t.Helper()
	p := &recording{}
	var info ForwardInfo
	o := newOptions([]Option{
		WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
		WithObserver(Observer{Done: func(_ context.Context, i ForwardInfo) { info = i }}),
	})
	valid, err := o.validSettings(s)
	require.NoError(t, err)
	f := newForwarder(valid, o, p, fakeProbe{})
	defer func() { require.NoError(t, f.Close()) }()
	for _, text := range texts {
		b, err := batch.Parse(text)
		require.NoError(t, err)
		p.messages = nil
		forwardErr := f.Forward(t.Context(), b)
		e, err := Explain(t.Context(), s, b)
		require.NoError(t, err)
		assert.Equal(t, forwardErr, e.Err)
		assertSameAsForward(t, e, info, p.messages)
		assertEdits(t, e, b, p.messages, seen)
		note(e, len(p.messages), seen)
	}
}

// assertSameAsForward compares an explanation with what the observer and the
// producer got.
func assertSameAsForward(t *testing.T, e Explanation, info ForwardInfo, messages []producer.Message) {
	t.Helper()
	assert.Equal(t, info.Dropped, e.Dropped)
	require.Len(t, e.Messages, len(messages))
	kept := 0
	for i, m := range messages {
		assert.Equal(t, string(m.Key), e.Key)
		assert.Equal(t, len(m.Value), e.Messages[i].Bytes)
		assert.Equal(t, m.Size(), e.Messages[i].Size)
		assert.Equal(t, m.Part, e.Messages[i].Part)
		assert.Len(t, e.Messages[i].Events, info.Messages[i].Events)
		kept += info.Messages[i].Events
	}
	// Event by event: what is dropped adds up to what the observer is told.
	dropped := map[string]int{}
	for _, event := range e.Events {
		if event.Kept {
			kept--
		} else if e.Err == nil {
			dropped[event.Filter+": "+event.Reason]++
		}
	}
	if e.Err == nil {
		assert.Zero(t, kept)
		for _, d := range info.Dropped {
			dropped[d.Filter+": "+d.Reason] -= d.Events
		}
		for what, n := range dropped {
			assert.Zero(t, n, what)
		}
	}
}

// assertEdits: a batch that leaves otherwise than it came has edits or drops, and
// one with edits does not leave as it came.
func assertEdits(t *testing.T, e Explanation, b *batch.Batch, messages []producer.Message, seen map[string]int) {
	t.Helper()
	edits := len(e.Edits)
	for _, event := range e.Events {
		if event.Kept {
			edits += len(event.Edits)
		}
	}
	if len(messages) != 1 {
		return
	}
	same := string(messages[0].Value) == string(b.AppendJSON(nil))
	assert.Equal(t, same, edits == 0 && len(e.Dropped) == 0, "%s\n%s", e, messages[0].Value)
	if edits > 0 {
		seen["edited"]++
	}
}

func note(e Explanation, messages int, seen map[string]int) {
	switch n := len(e.Dropped); {
	case e.Err != nil:
		seen["failed"]++
	case n > 0 && e.Dropped[n-1].Batch:
		seen["dropped"]++
	case n > 0:
		seen["dropped event"]++
	}
	if messages > 0 {
		seen["sent"]++
	}
	if messages > 1 {
		seen["split"]++
	}
}

// randomSettings turns some of everything that decides about content.
func randomSettings(r *rand.Rand) settings.Settings {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	toggle := func() string { return pick("null", "true", "false") }
	var list []string
	for _, f := range []string{
		`{"environment":["production"]}`, `{"consent":{"ccpa":true}}`, `{"sample":{"fraction":0.7,"salt":"s","by_device":true}}`,
		`{"attribute":{"name":"alpha_0","value":"alpha Lima","rule":"do_not_forward"}}`,
		`{"remove":{"identities":["email"],"user_attributes":["plan","$city"],"event_attributes":["orbit_1"],"members":[["ip"]],"event_members":[["data","event_num"]]}}`,
		`{"data_plan":{"document":{"data_points":[]},"plan_id":"maple_plan","block":["events"]}}`, `{"logged_in":["email","customer_id"]}`,
	} {
		if r.IntN(5) == 0 {
			list = append(list, f)
		}
	}
	text := fmt.Sprintf(`{"bootstrap_servers":"b1:9093","topic_name":"t","unique_id":%q,"metadata_field_exclusion":%s,
		"send_network_performance_events":%s,"send_as_batch":%s,"include_location_information":%s,"include_metadata":%s,
		"include_user_attribute_change_events":%s,"include_user_identity_change_events":%s,"send_batches_without_events":%s,
		"include_mp_device_id":%s,"include_event_batch_location":%s,"delivery":{"max_message_bytes":%s},"filters":[%s]}`,
		pick("", "u"), pick(`[]`, `["device_name"]`, `["ip_address","device_name"]`), toggle(), toggle(), toggle(), toggle(), toggle(), toggle(), toggle(),
		toggle(), toggle(), pick("null", "null", "4000", "6000"), strings.Join(list, ","))
	s, err := settings.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return s
}
