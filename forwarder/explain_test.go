package forwarder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

const explained = `{"mpid":-77,"environment":"production","ip":"1.2.3.4","mp_deviceid":"d","context":{"location":{"latitude":1},"data_plan":{"plan_id":"p"}},` +
	`"user_identities":[{"identity_type":"other","identity":"o"},{"identity_type":"email","identity":"ann@example.com"}],"events":[` +
	`{"event_type":"custom_event","data":{"event_name":"a","custom_attributes":{"phone":"1","odd name":"x"}}},` +
	`{"event_type":"user_attribute_change","data":{"user_attribute_name":"x"}},` +
	`{"event_type":"something_new","data":{}},` +
	`{"event_type":"custom_event","data":{"event_name":"b","custom_attributes":{"level":"5"}}},` +
	`{"event_type":"session_end","data":{"location":{"latitude":2}}}]}`

func explainedSettings() settings.Settings {
	s := somewhere
	s.UniqueID = "ours"
	s.IncludeLocationInformation = settings.Off
	s.Filters = settings.FilterList(`[{"remove":{"event_attributes":["phone","odd name"],"identities":["email"]}},{"attribute":{"name":"level","value":"5","rule":"do_not_forward"}}]`)
	return s
}

func TestExplain(t *testing.T) {
	b, err := batch.Parse([]byte(explained))
	require.NoError(t, err)
	e, err := Explain(t.Context(), explainedSettings(), b, WithPartitionCount(12))
	require.NoError(t, err)
	m2, fnv, crc := partition.Murmur2([]byte("-77"), 12), partition.FNV1a([]byte("-77"), 12), partition.CRC32([]byte("-77"), 12)
	require.Len(t, e.Messages, 1)
	assert.Equal(t, fmt.Sprintf(`batch(5 events, %d bytes)
  event 0, custom_event: kept
    removed by filters[0].remove: data.custom_attributes.phone
    removed by filters[0].remove: data.custom_attributes."odd name"
  event 1, user_attribute_change: dropped by include_user_attribute_change_events: switched off
  event 2, unlisted: dropped by event_type: event type is not forwarded
  event 3, custom_event: dropped by filters[1].attribute: attribute rule
  event 4, session_end: kept
    removed by include_location_information: data.location
  removed by filters[0].remove: user_identities[1]
  removed by include_event_batch_location: context.location
  removed by include_mp_device_id: mp_deviceid
  added by unique_id: unique_id
  key -77
  partition %d by crc32
  partition %d by fnv1a
  partition %d by murmur2, which places it
  message 1 of 1: events 0, 4, %d bytes, counts as %d
`, len(explained), crc, fnv, m2, e.Messages[0].Bytes, e.Messages[0].Bytes+len("-77")+128), e.String())
	assert.NotContains(t, e.String(), "ann@example.com")

	data, err := json.Marshal(e)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "ann@example.com")
	var read struct {
		Key      string
		Events   []EventExplanation
		Messages []PlannedMessage
		Dropped  []struct{ Filter, Reason string }
	}
	require.NoError(t, json.Unmarshal(data, &read))
	assert.Equal(t, "-77", read.Key)
	assert.Equal(t, e.Events, read.Events)
	assert.Equal(t, e.Messages, read.Messages)
	assert.Len(t, read.Dropped, 3)
	assert.Equal(t, explained, string(b.AppendJSON(nil)), "the caller's batch is as it was")

	e, err = Explain(t.Context(), explainedSettings(), b, WithValues())
	require.NoError(t, err)
	assert.Contains(t, e.String(), `removed by filters[0].remove: user_identities[1], was {"identity_type":"email","identity":"ann@example.com"}`)
	assert.Contains(t, e.String(), `added by unique_id: unique_id, is "ours"`)
	assert.Empty(t, e.Partitions)
}

func TestExplain_edits(t *testing.T) {
	for name, tc := range map[string]struct {
		before string
		edit   func(*batch.Batch) error
		want   []Edit // without their filter
	}{
		"nothing":  {`{"a":1}`, func(b *batch.Batch) error { return b.At("b").Remove() }, nil},
		"the same": {`{"a":1}`, func(b *batch.Batch) error { return b.At("a").Set(1) }, nil},
		"changed":  {`{"a":{"b":1}}`, func(b *batch.Batch) error { return b.At("a", "b").Set("x") }, []Edit{{Kind: MemberChanged, Path: "a.b", Before: json.RawMessage(`1`), After: json.RawMessage(`"x"`)}}},
		"added":    {`{"a":1}`, func(b *batch.Batch) error { return b.At("c", "d").Set(2) }, []Edit{{Kind: MemberAdded, Path: "c", After: json.RawMessage(`{"d":2}`)}}},
		"repeated": {`{"a":1,"a":2}`, func(b *batch.Batch) error { return b.At("a").Remove() }, []Edit{
			{Kind: MemberRemoved, Path: "a", Before: json.RawMessage(`1`)}, {Kind: MemberRemoved, Path: "a", Before: json.RawMessage(`2`)},
		}},
		"an element": {`{"a":["x","y"]}`, func(b *batch.Batch) error {
			for _, v := range b.At("a").All() {
				if err := v.Set("z"); err != nil {
					return err
				}
				break
			}
			return nil
		}, []Edit{{Kind: MemberChanged, Path: "a[0]", Before: json.RawMessage(`"x"`), After: json.RawMessage(`"z"`)}}},
		"another kind": {`{"a":["x","y"]}`, func(b *batch.Batch) error { return b.At("a").Set([]string{"y", "z", "x"}) }, []Edit{
			{Kind: MemberChanged, Path: "a", Before: json.RawMessage(`["x","y"]`), After: json.RawMessage(`["y","z","x"]`)},
		}},
	} {
		b, err := batch.Parse([]byte(tc.before))
		require.NoError(t, err, name)
		e, err := Explain(t.Context(), somewhere, b, WithValues(), WithFilterFunc("f", func(_ context.Context, b *batch.Batch) error { return tc.edit(b) }))
		require.NoError(t, err, name)
		for i := range tc.want {
			tc.want[i].Filter = "f"
		}
		assert.Equal(t, tc.want, e.Edits, name)
	}
}

// What keeps all of a batch from leaving is told of each event.
func TestExplain_nothingLeaves(t *testing.T) {
	two := `{"mpid":1,"events":[{"event_type":"opt_out"},{"event_type":"session_end","data":{"x":"` + strings.Repeat("x", 5000) + `"}}]}`
	small := func(s *settings.Settings) {
		s.Delivery.MaxMessageBytes, s.Delivery.MaxRequestBytes = 1000, 10_000
	}
	for name, tc := range map[string]struct {
		change func(*settings.Settings)
		filter func(context.Context, *batch.Batch) error
		step   string
		reason string
		last   string // line
	}{
		"dropped": {
			filter: func(context.Context, *batch.Batch) error { return batch.Drop("not ours") }, step: "f", reason: "not ours",
			last: "  the batch is dropped by f: not ours\n",
		},
		"failed": {
			filter: func(context.Context, *batch.Batch) error { return errors.New("no idea") }, step: "f", reason: "nothing of the batch is sent",
			last: "  not sent: forwarder: filter \"f\": no idea\n",
		},
		"panicked": {
			filter: func(context.Context, *batch.Batch) error { panic("x") }, step: "f", reason: "nothing of the batch is sent",
			last: "  not sent: forwarder: filter \"f\": panicked (string)\n",
		},
		"too large": {
			change: small, step: "delivery.max_message_bytes", reason: "nothing of the batch is sent",
			last: "  not sent: forwarder: event 1 needs a message of 5213 bytes, the limit is 1000\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := batch.Parse([]byte(two))
			require.NoError(t, err)
			s := somewhere
			if tc.change != nil {
				tc.change(&s)
			}
			var opts []Option
			if tc.filter != nil {
				opts = append(opts, WithFilterFunc("f", tc.filter))
			}
			e, err := Explain(t.Context(), s, b, opts...)
			require.NoError(t, err)
			assert.Empty(t, e.Messages)
			for _, event := range e.Events {
				assert.False(t, event.Kept)
				assert.Equal(t, tc.step, event.Filter)
				assert.Equal(t, tc.reason, event.Reason)
			}
			assert.True(t, strings.HasSuffix(e.String(), tc.last), e.String())
			data, err := json.Marshal(e)
			require.NoError(t, err)
			assert.Contains(t, string(data), `"messages":[]`)
		})
	}
}

func TestExplain_refuses(t *testing.T) {
	b, err := batch.Parse([]byte(`{}`))
	require.NoError(t, err)
	_, err = Explain(t.Context(), settings.Settings{}, b)
	var field *settings.FieldError
	assert.ErrorAs(t, err, &field)
	_, err = Explain(t.Context(), somewhere, b, WithFilter("broken", filters.Environment()))
	assert.ErrorContains(t, err, `filter "broken"`)
	for _, none := range []*batch.Batch{nil, {}} {
		_, err = Explain(t.Context(), somewhere, none)
		assert.ErrorIs(t, err, errNilBatch)
	}
	e, err := Explain(t.Context(), somewhere, b, WithPartitionCount(3), WithPartitioner(func([]byte, int32) int32 { return 2 }))
	require.NoError(t, err)
	assert.Equal(t, "batch(0 events, 2 bytes)\n  no key: a random partition\n  message 1 of 1: no events, 2 bytes, counts as 130\n", e.String())
	user, err := batch.Parse([]byte(`{"mpid":5}`))
	require.NoError(t, err)
	e, err = Explain(t.Context(), somewhere, user, WithPartitionCount(3), WithPartitioner(func([]byte, int32) int32 { return 2 }))
	require.NoError(t, err)
	assert.Equal(t, Placement{Hash: "WithPartitioner", Partition: 2, Used: true}, e.Partitions[0])
	assert.False(t, slices.ContainsFunc(e.Partitions[1:], func(p Placement) bool { return p.Used }))
}

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

func TestDryRun(t *testing.T) {
	data := explained + "\n" + explained + `{"environment":"development"}` + "\n" + `{"mpid":1,"events":[{"event_type":"opt_out"}]}`
	s := explainedSettings()
	s.Filters = settings.FilterList(strings.TrimSuffix(string(s.Filters), "]") + `,{"environment":["production"]}]`)
	report, err := DryRun(t.Context(), s, batch.Read(strings.NewReader(data), 0))
	require.NoError(t, err)
	assert.Equal(t, 4, report.Batches)
	assert.Equal(t, 11, report.Events)
	assert.Equal(t, 4, report.SentEvents)
	assert.Equal(t, 2, report.Messages)
	assert.Zero(t, report.Failed)
	text, counts, ok := strings.Cut(report.String(), "read: batches 4, events 11\n")
	require.True(t, ok)
	assert.Equal(t, `FILTER                                REASON                        EVENTS  BATCHES  SHARE
event_type                            event type is not forwarded   2       2        18.2 %
filters[0].remove                     edited                        2       2        18.2 %
filters[1].attribute                  attribute rule                2       2        18.2 %
include_location_information          edited                        2       2        18.2 %
include_user_attribute_change_events  switched off                  2       2        18.2 %
filters[2].environment                environment is not forwarded  1       2        9.1 %
include_event_batch_location          edited                        0       2        0.0 %
include_mp_device_id                  edited                        0       2        0.0 %
unique_id                             edited                        0       2        0.0 %
`, text)
	assert.Equal(t, fmt.Sprintf("sent: events 4, messages 2, bytes %d\n", report.Bytes), counts)
	encoded, err := json.Marshal(report)
	require.NoError(t, err)
	var read DryRunReport
	require.NoError(t, json.Unmarshal(encoded, &read))
	assert.Equal(t, report, read)

	// What is no batch is counted, and so is what fails.
	failing := WithFilterFunc("fails", func(_ context.Context, b *batch.Batch) error {
		if b.NumEvents() == 0 {
			return errors.New("no events")
		}
		return nil
	})
	report, err = DryRun(t.Context(), somewhere, batch.Read(strings.NewReader(`{}{"events":[{"event_type":"opt_out"}]}]`), 0), failing)
	require.NoError(t, err)
	assert.Equal(t, 1, report.Unreadable)
	assert.Equal(t, 1, report.Failed)
	assert.Contains(t, report.String(), "failed: batches 1\nno batches: 1\n")
	assert.Equal(t, []DryRunRow{{Filter: "fails", Reason: "nothing of the batch is sent", Batches: 1}}, report.Rows)

	report, err = DryRun(t.Context(), somewhere, batch.Read(strings.NewReader(``), 0))
	require.NoError(t, err)
	encoded, err = json.Marshal(report)
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `"rows":[]`)

	_, err = DryRun(t.Context(), settings.Settings{}, batch.Read(strings.NewReader(``), 0))
	assert.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = DryRun(ctx, somewhere, batch.Read(strings.NewReader(`{}`), 0))
	assert.ErrorIs(t, err, context.Canceled)
}
