package forwarder

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// retype is a caller's filter that changes the types of some events.
func retype[K comparable](types map[K]string, key func(batch.Event) K) namedFilter {
	return filter("retype", func(_ context.Context, b *batch.Batch) error {
		for _, e := range b.Events() {
			if to, ok := types[key(e)]; ok {
				if err := e.At("event_type").Set(to); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// retypeNamed goes by the names of events.
func retypeNamed(types map[string]string) namedFilter { return retype(types, batch.Event.Name) }

func named(eventType, name string) string { return event(eventType, `{"event_name":"`+name+`"}`) }

// What a caller's filter makes of an event goes the way of all events of its
// new type.
func TestPipeline_retypedEvents(t *testing.T) {
	off := with("send_network_performance_events", "include_user_attribute_change_events", "include_user_identity_change_events", "send_batches_without_events")
	in := `{"events":[` + named("custom_event", "a") + `,` + named("network_performance", "b") + `,` + named("screen_view", "c") + `,` + named("opt_out", "d") + `]}`
	first := Dropped{Filter: "send_network_performance_events", Reason: "switched off", Events: 1}

	for name, c := range map[string]struct {
		filters []namedFilter
		want    string
		dropped []Dropped
	}{
		"switched off": {
			filters: []namedFilter{retypeNamed(map[string]string{"a": "network_performance", "c": "user_attribute_change", "d": "user_identity_change"})},
			dropped: []Dropped{
				first, first,
				{Filter: "include_user_attribute_change_events", Reason: "switched off", Events: 1},
				{Filter: "include_user_identity_change_events", Reason: "switched off", Events: 1},
				{Filter: "send_batches_without_events", Reason: "no events left", Batch: true},
			},
		},
		"not forwarded": {
			filters: []namedFilter{retypeNamed(map[string]string{"a": "zzz", "d": ""}), dropNamed("names", "name c", "c")},
			dropped: []Dropped{
				first,
				{Filter: "names", Reason: "name c", Events: 1},
				{Filter: "event_type", Reason: "event type is not forwarded", Events: 2},
				{Filter: "send_batches_without_events", Reason: "no events left", Batch: true},
			},
		},
		"dropped before it could be retyped": {
			filters: []namedFilter{retypeNamed(map[string]string{"b": "custom_event"})},
			want:    `{"events":[` + named("custom_event", "a") + `,` + named("screen_view", "c") + `,` + named("opt_out", "d") + `]}`,
			dropped: []Dropped{first},
		},
		"judged when all filters have run": {
			filters: []namedFilter{
				retypeNamed(map[string]string{"a": "zzz", "c": "network_performance"}),
				retypeNamed(map[string]string{"a": "session_start", "c": "session_end"}),
			},
			want:    `{"events":[` + named("session_start", "a") + `,` + named("session_end", "c") + `,` + named("opt_out", "d") + `]}`,
			dropped: []Dropped{first},
		},
		"and then the batch dropped": {
			filters: []namedFilter{
				retypeNamed(map[string]string{"a": "zzz"}),
				filter("all", func(context.Context, *batch.Batch) error { return batch.Drop("all of it") }),
			},
			dropped: []Dropped{first, {Filter: "all", Reason: "all of it", Events: 3, Batch: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := through(t, off, in, c.filters...)
			require.NoError(t, o.err)
			assert.Equal(t, c.dropped, o.dropped)
			if c.want == "" {
				assert.Empty(t, o.messages)
			} else {
				assert.Equal(t, c.want, o.value(t))
			}
		})
	}

	// What is switched on may be made of any event.
	o := through(t, keepAll(), in, retypeNamed(map[string]string{"a": "network_performance"}))
	assert.Equal(t, `{"events":[`+named("network_performance", "a")+in[len(`{"events":[`+named("custom_event", "a")):], o.value(t))
	assert.Empty(t, o.dropped)
}

// A crash report's breadcrumbs lose their locations whatever a caller's filter
// calls the event, and so do those of what it calls a crash report.
func TestPipeline_retypedCrashReports(t *testing.T) {
	report := func(eventType, name, breadcrumbs string) string {
		return `{"data":{"event_name":"` + name + `","breadcrumbs":` + breadcrumbs + `},` + eventType + `}`
	}
	const with1, without = `[{"data":{"location":1}}]`, `[{"data":{}}]`
	in := `{"events":[` +
		report(`"event_type":"crash_report"`, "was", with1) + `,` +
		report(`"event_type":"crash\u005freport"`, "was", with1) + `,` +
		report(`"event_type":"crash_report","event_type":"crash\u005freport"`, "was", with1) + `,` +
		report(`"event_type":"custom_event"`, "is", with1) + `,` +
		report(`"event_type":"crash_report"`, "stays", with1) + `,` +
		report(`"event_type":"custom_event"`, "never", with1) + `]}`
	want := `{"events":[` +
		report(`"event_type":"screen_view"`, "was", without) + `,` +
		report(`"event_type":"screen_view"`, "was", without) + `,` +
		report(`"event_type":"screen_view"`, "was", without) + `,` +
		report(`"event_type":"crash_report"`, "is", without) + `,` +
		report(`"event_type":"crash_report"`, "stays", without) + `,` +
		report(`"event_type":"opt_out"`, "never", with1) + `]}`
	types := map[string]string{"was": "screen_view", "is": "crash_report", "never": "opt_out"}

	assert.Equal(t, want, through(t, with("include_location_information"), in, retypeNamed(types)).value(t))
	// A caller may have retyped the batch before, too.
	b, err := batch.Parse([]byte(in))
	require.NoError(t, err)
	require.NoError(t, retypeNamed(types).filter.Filter(t.Context(), b))
	p := mustPipeline(t, with("include_location_information"))
	o, _, err := p.outlineOf(t.Context(), b)
	require.NoError(t, err)
	assert.Equal(t, want, string(encodeAll(&o)[0].value))
}

// Without filters of callers nothing can have been retyped since.
func TestPipeline_typesAreCheckedOnce(t *testing.T) {
	count := func(p *pipeline) (n int) {
		for _, f := range p.filters {
			if f.name == "event_type" {
				n++
			}
		}
		return n
	}
	assert.Equal(t, 1, count(mustPipeline(t, settings.Settings{})))
	assert.Equal(t, 2, count(mustPipeline(t, settings.Settings{}, retypeNamed(nil))))
}
