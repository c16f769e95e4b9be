package forwarder

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// otherSettings are those that decide nothing about what is in a message. Every
// other one is a content setting: a new setting belongs in this list, or in
// contentSettings and fullBatch.
var otherSettings = []string{
	"bootstrap_servers", "topic_name", "authentication_method", "user_name", "password", "password_file", "tls", "delivery", "spool",
}

// A turn is a value of a content setting with which something of fullBatch does
// not leave: the marks that have its name.
type turn struct {
	key, value string
	opposite   string // the value with which it leaves
	mark       string
	also       []string // marks that lie inside what it removes
}

var contentSettings = []turn{
	{"unique_id", `"ours"`, `""`, "<unique_id>", nil},
	{"metadata_field_exclusion", `["device_name"]`, `[]`, "<device_name>", nil},
	{"metadata_field_exclusion", `["ip_address"]`, `[]`, "<ip_address>", nil},
	{"send_network_performance_events", `false`, `true`, "<network_performance>", nil},
	{"send_as_batch", `false`, `true`, "", nil},
	{"include_location_information", `false`, `true`, "<location>", nil},
	{"include_metadata", `false`, `true`, "<metadata>", []string{"<device_name>"}},
	{"include_user_attribute_change_events", `false`, `true`, "<user_attribute_change>", nil},
	{"include_user_identity_change_events", `false`, `true`, "<user_identity_change>", nil},
	{"send_batches_without_events", `false`, `true`, "", nil},
	{"include_mp_device_id", `false`, `true`, "<mp_deviceid>", nil},
	{"include_event_batch_location", `false`, `true`, "<batch_location>", nil},
	{"filters", `[{"remove":{"members":[["ip"]]}}]`, `[]`, "<ip_address>", nil},
}

// fullBatch holds everything that a setting can keep from leaving, marked, and
// marked with <kept> what looks like it and must leave. The same with its event
// types in upper case must fare alike.
const fullBatch = `{"mpid":7,"ip":"<ip_address>","mp_deviceid":"<mp_deviceid>","unique_id":"<unique_id>",
"application_info":{"package":"<metadata>"},"device_info":{"brand":"<metadata>","device":"<device_name>"},"source_info":{"channel":"<metadata>"},
"context":{"location":{"latitude":"<batch_location>"},"data_plan":{"plan_id":"<kept>"}},
"consent_state":{"gdpr":{"a":{"location":"<kept>"}}},"user_attributes":{"location":"<kept>","ip":"<kept>","unique_id":"<kept>"},
"events":[
{"event_type":"custom_event","data":{"event_name":"<kept>","location":{"latitude":"<location>"},"custom_attributes":{"location":"<kept>","device":"<kept>"}}},
{"event_type":"crash_report","data":{"location":"<location>","breadcrumbs":[{"event_type":"breadcrumb","data":{"location":"<location>","label":"<kept>"}}]}},
{"event_type":"network_performance","data":{"url":"<network_performance>"}},
{"event_type":"user_attribute_change","data":{"new":"<user_attribute_change>"}},
{"event_type":"user_identity_change","data":{"new":{"identity":"<user_identity_change>"}}}]}`

var markPattern = regexp.MustCompile(`<[a-z_]+>`)

// marks counts what the values hold of each mark.
func marks(values []string) map[string]int {
	n := map[string]int{}
	for _, mark := range markPattern.FindAllString(strings.Join(values, ""), -1) {
		n[mark]++
	}
	return n
}

// turned is keepAll as JSON, with some settings in place of what it has.
func turned(t *testing.T, fields ...string) settings.Settings {
	t.Helper()
	all := []string{
		`"include_user_attribute_change_events":true`, `"include_user_identity_change_events":true`,
		`"include_mp_device_id":true`, `"include_event_batch_location":true`,
	}
	for _, f := range fields {
		key, _, _ := strings.Cut(f, ":")
		all = slices.DeleteFunc(all, func(f string) bool { return strings.HasPrefix(f, key+":") })
		all = append(all, f)
	}
	s, err := settings.Parse([]byte(`{` + strings.Join(all, ",") + `}`))
	require.NoError(t, err)
	return s
}

func (c turn) with(value string) string { return fmt.Sprintf("%q:%s", c.key, value) }

// piped returns the values that p makes of a batch.
func piped(t *testing.T, p *pipeline, text string) []string {
	t.Helper()
	b, err := batch.Parse([]byte(text))
	require.NoError(t, err)
	o, _, err := p.outlineOf(t.Context(), b)
	require.NoError(t, err)
	var values []string
	if o.batch != nil {
		for _, m := range encodeAll(&o) {
			values = append(values, string(m.value))
		}
	}
	return values
}

// differences says what is wrong with what p, made for c turned, makes of fullBatch.
func (c turn) differences(t *testing.T, p *pipeline) (wrong []string) {
	t.Helper()
	want := marks([]string{fullBatch})
	if c.mark != "" {
		require.NotZero(t, want[c.mark], "fullBatch has no %s", c.mark)
	}
	for _, mark := range append(c.also, c.mark) {
		delete(want, mark)
	}
	messages, eventless := 1, 1
	if c.key == "send_as_batch" {
		messages = strings.Count(fullBatch, `"event_type"`) - 1 // one is a breadcrumb's
	}
	if c.key == "send_batches_without_events" {
		eventless = 0
	}
	upper := regexp.MustCompile(`"event_type":"[a-z_]+"`).ReplaceAllStringFunc(fullBatch, func(s string) string {
		return `"event_type":` + strings.ToUpper(strings.TrimPrefix(s, `"event_type":`))
	})
	for _, text := range []string{fullBatch, upper} {
		values := piped(t, p, text)
		if len(values) != messages {
			wrong = append(wrong, fmt.Sprintf("%d messages", len(values)))
			continue
		}
		got := marks(values)
		for mark := range marks([]string{fullBatch}) {
			n := got[mark]
			if messages > 1 {
				n = min(n, want[mark]) // the envelope is in all of them
			}
			if n != want[mark] {
				wrong = append(wrong, fmt.Sprintf("%d %s", got[mark], mark))
			}
		}
	}
	if n := len(piped(t, p, `{"mpid":7,"user_attributes":{}}`)); n != eventless {
		wrong = append(wrong, fmt.Sprintf("%d messages without events", n))
	}
	return wrong
}

// Each setting that touches content does, takes what it should, all of it, and
// nothing else.
func TestContentSettings_eachChangesAFullBatch(t *testing.T) {
	var keys []string
	for field := range reflect.TypeFor[settings.Settings]().Fields() {
		if field.IsExported() {
			keys = append(keys, field.Tag.Get("json"))
		}
	}
	for _, key := range keys {
		isContent := slices.ContainsFunc(contentSettings, func(c turn) bool { return c.key == key })
		assert.NotEqual(t, isContent, slices.Contains(otherSettings, key), "%s: content or not?", key)
	}
	for _, c := range contentSettings {
		assert.Contains(t, keys, c.key)
		assert.Empty(t, c.differences(t, mustPipeline(t, turned(t, c.with(c.value)))), "%s: %s", c.key, c.value)
		untouched := turn{}
		assert.Empty(t, untouched.differences(t, mustPipeline(t, turned(t, c.with(c.opposite)))), "%s: %s", c.key, c.opposite)
	}
}

// A setting that does nothing, or a part of what it should, is noticed.
func TestContentSettings_eachStepIsNoticed(t *testing.T) {
	steps := 0
	for _, c := range contentSettings {
		p := mustPipeline(t, turned(t, c.with(c.value)))
		if c.key == "send_as_batch" {
			p.messagePerEvent = false
			assert.NotEmpty(t, c.differences(t, p))
			continue
		}
		whole := p.filters
		for i, f := range whole {
			if name, _, _ := strings.Cut(f.name, "["); name == c.key {
				steps++
				p.filters = slices.Delete(slices.Clone(whole), i, i+1)
				assert.NotEmpty(t, c.differences(t, p), "%s: without step %d", c.key, i)
			}
		}
	}
	assert.Equal(t, len(contentSettings)-1+2, steps, "include_metadata has three")
}
