package endtoend

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// full has everything that a setting names, and beside each of them something
// of the same name that no setting may touch.
const full = `{
	"events": [
		{"event_type": "custom_event", "data": {"event_name": "a", "custom_event_type": "location",
			"location": {"latitude": 1.50, "longitude": 2e0}, "custom_attributes": {"location": "kept", "ip": "kept"}}},
		{"event_type": "crash_report", "data": {"location": null, "breadcrumbs": [
			{"event_type": "breadcrumb", "data": {"label": "b", "location": {"latitude": 3}}}]}},
		{"event_type": "network_performance", "data": {"url": "u", "device_info": "kept"}},
		{"event_type": "user_attribute_change", "data": {"user_attribute_name": "n"}},
		{"event_type": "user_identity_change", "data": {"new": null}},
		{"event_type": "push_reaction", "data": {}},
		{"event_type": "session_end", "data": {"session_duration_ms": 12345678901234567890}}
	],
	"mpid": 42,
	"ip": "203.0.113.7",
	"mp_deviceid": "d1",
	"unique_id": "theirs",
	"context": {"location": {"latitude": 5.0}, "data_plan": {"plan_id": "p"}},
	"application_info": {"package": "com.example", "unique_id": "kept"},
	"device_info": {"device": "Ann's phone", "brand": "kept"},
	"source_info": {"channel": "native"},
	"consent_state": {"gdpr": {"p": {"location": "kept"}}},
	"user_attributes": {"location": "kept", "mp_deviceid": "kept"},
	"unknown": [1.0, {"location": 1, "application_info": 2}]
}`

// Paths that begin with "events" are of every event; "breadcrumbs" likewise.
var (
	eventLocations = []string{"events.data.location", "events.data.breadcrumbs.data.location"}
	metadata       = []string{"application_info", "device_info", "source_info"}
	byDefault      = []string{"mp_deviceid", "context.location"}
)

// switches: what each content setting cuts out of full, compared member by
// member with the number's text.
func (k target) switches(t *testing.T) {
	const attribute, identity, network = "user_attribute_change", "user_identity_change", "network_performance"
	for _, c := range []struct {
		name   string
		change func(*settings.Settings)
		cut    []string // members
		drop   []string // event types, beside push_reaction
		unique string
	}{
		{"defaults", func(*settings.Settings) {}, byDefault, []string{attribute, identity}, "theirs"},
		{"Unique ID", func(s *settings.Settings) { s.UniqueID = "ours \"<" }, byDefault, []string{attribute, identity}, "ours \"<"},
		{"Metadata Field Exclusion, Device Name", func(s *settings.Settings) {
			s.MetadataFieldExclusion = []settings.MetadataField{settings.DeviceName}
		}, append([]string{"device_info.device"}, byDefault...), []string{attribute, identity}, "theirs"},
		{"Metadata Field Exclusion, IP Address", func(s *settings.Settings) {
			s.MetadataFieldExclusion = []settings.MetadataField{settings.IPAddress}
		}, append([]string{"ip"}, byDefault...), []string{attribute, identity}, "theirs"},
		{"Send Network Performance Events off", func(s *settings.Settings) {
			s.SendNetworkPerformanceEvents = settings.Off
		}, byDefault, []string{attribute, identity, network}, "theirs"},
		{"Include Location Information off", func(s *settings.Settings) {
			s.IncludeLocationInformation = settings.Off
		}, slices.Concat(byDefault, eventLocations), []string{attribute, identity}, "theirs"},
		{"Include Metadata off", func(s *settings.Settings) {
			s.IncludeMetadata = settings.Off
		}, slices.Concat(byDefault, metadata), []string{attribute, identity}, "theirs"},
		{"Include User Attribute Change Events", func(s *settings.Settings) {
			s.IncludeUserAttributeChangeEvents = settings.On
		}, byDefault, []string{identity}, "theirs"},
		{"Include User Identity Change Events", func(s *settings.Settings) {
			s.IncludeUserIdentityChangeEvents = settings.On
		}, byDefault, []string{attribute}, "theirs"},
		{"Include MP DeviceId", func(s *settings.Settings) {
			s.IncludeMPDeviceID = settings.On
		}, []string{"context.location"}, []string{attribute, identity}, "theirs"},
		{"Include Event Batch Location", func(s *settings.Settings) {
			s.IncludeEventBatchLocation = settings.On
		}, []string{"mp_deviceid"}, []string{attribute, identity}, "theirs"},
		{"everything", everything, nil, nil, "theirs"},
		{"nothing", func(s *settings.Settings) {
			s.MetadataFieldExclusion = []settings.MetadataField{settings.DeviceName, settings.IPAddress}
			s.SendNetworkPerformanceEvents, s.IncludeLocationInformation, s.IncludeMetadata = settings.Off, settings.Off, settings.Off
		}, slices.Concat(byDefault, eventLocations, metadata, []string{"ip"}), []string{attribute, identity, network}, "theirs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := k.settings(t, 1)
			c.change(&s)
			forward(t, start(t, s), full)
			messages := read(t, s)
			require.Len(t, messages, 1)
			want := decode(t, full)
			for _, path := range c.cut {
				cut(want, strings.Split(path, "."))
			}
			dropEvents(want, append(c.drop, "push_reaction"))
			want["unique_id"] = c.unique
			assert.Equal(t, want, decode(t, string(messages[0].Value)))
		})
	}
}

// everything switches everything on that cuts something out when it is off.
func everything(s *settings.Settings) {
	s.IncludeUserAttributeChangeEvents, s.IncludeUserIdentityChangeEvents = settings.On, settings.On
	s.IncludeMPDeviceID, s.IncludeEventBatchLocation = settings.On, settings.On
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var doc map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&doc))
	return doc
}

// cut removes the member at path, in every element where it leads into an array.
func cut(value any, path []string) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			cut(element, path)
		}
	case map[string]any:
		if len(path) == 1 {
			delete(v, path[0])
			return
		}
		cut(v[path[0]], path[1:])
	}
}

func dropEvents(doc map[string]any, types []string) {
	events, _ := doc["events"].([]any)
	doc["events"] = slices.DeleteFunc(events, func(e any) bool {
		event, _ := e.(map[string]any)
		name, _ := event["event_type"].(string)
		return slices.Contains(types, name)
	})
}

// eventless: what becomes of a batch without events, or without any left.
func (k target) eventless(t *testing.T) {
	var mu sync.Mutex
	var dropped []forwarder.Dropped
	observer := forwarder.WithObserver(forwarder.Observer{Done: func(_ context.Context, i forwarder.ForwardInfo) {
		mu.Lock()
		defer mu.Unlock()
		dropped = append(dropped, i.Dropped...)
	}})
	texts := []string{
		`{"mpid":1,"user_attributes":{"a":"b"}}`,
		`{"mpid":1,"events":null}`,
		`{"mpid":1,"events":[]}`,
		`{"mpid":1,"events":[{"event_type":"user_attribute_change"}]}`,
	}
	t.Run("on", func(t *testing.T) {
		s := k.settings(t, 1)
		forward(t, start(t, s), texts...)
		var got []string
		for _, m := range read(t, s) {
			got = append(got, string(m.Value))
		}
		assert.Equal(t, append(slices.Clone(texts[:3]), texts[2]), got)
	})
	t.Run("off", func(t *testing.T) {
		s := k.settings(t, 1)
		s.SendBatchesWithoutEvents = settings.Off
		forward(t, start(t, s, observer), append(texts, `{"mpid":1,"events":[{"event_type":"opt_out"}]}`)...)
		assert.Len(t, read(t, s), 1)
		mu.Lock()
		defer mu.Unlock()
		assert.Len(t, slices.DeleteFunc(dropped, func(d forwarder.Dropped) bool { return !d.Batch }), 4)
	})
}

// onePerEvent: Send as Batch off.
func (k target) onePerEvent(t *testing.T) {
	s := k.settings(t, 4)
	s.SendAsBatch = settings.Off
	forward(t, start(t, s), full, `{"mpid":42,"events":[]}`)
	messages := read(t, s)
	sent := []string{"custom_event", "crash_report", "network_performance", "session_end"}
	require.Len(t, messages, len(sent)+1)
	for i, m := range messages {
		assert.Equal(t, "42", string(m.Key))
		assert.Equal(t, messages[0].Partition, m.Partition)
		assert.Empty(t, m.Headers)
		if i == len(sent) {
			assert.Equal(t, `{"mpid":42,"events":[]}`, string(m.Value))
			break
		}
		want := decode(t, full)
		for _, path := range byDefault {
			cut(want, strings.Split(path, "."))
		}
		dropEvents(want, slices.DeleteFunc(types(t, full), func(name string) bool { return name == sent[i] }))
		assert.Equal(t, want, decode(t, string(m.Value)))
	}
}

func types(t *testing.T, text string) []string {
	var names []string
	for _, e := range parse(t, text).Events() {
		names = append(names, e.Type())
	}
	return names
}
