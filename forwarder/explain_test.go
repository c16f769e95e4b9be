package forwarder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
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
