package forwarder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/settings"
)

// This is a second implementation of the data contract: slow, on a
// tree, with encoding/json as its only parser, and without a line of the code
// under test. Texts of scalars and names stay as they came; white space is the
// one thing it does not keep.

// A node is one JSON value.
type node struct {
	kind    byte // '{', '[', or 0 for a scalar
	text    string
	members []member // of an object
	items   []*node  // of an array
}

type member struct {
	text  string // of the name, as it came
	name  string // what it means
	value *node
}

// parseTree takes valid JSON.
func parseTree(raw []byte) *node {
	raw = bytes.TrimSpace(raw)
	n := &node{}
	if raw[0] != '{' && raw[0] != '[' {
		n.text = string(raw)
		return n
	}
	n.kind = raw[0]
	dec := json.NewDecoder(bytes.NewReader(raw))
	must(dec.Token())
	for dec.More() {
		var m member
		if n.kind == '{' {
			start := dec.InputOffset()
			m.name = must(dec.Token()).(string) //nolint:errcheck // a name is a string
			m.text = strings.TrimLeft(string(raw[start:dec.InputOffset()]), ", \t\r\n")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			panic(err)
		}
		m.value = parseTree(value)
		if n.kind == '{' {
			n.members = append(n.members, m)
		} else {
			n.items = append(n.items, m.value)
		}
	}
	return n
}

// render writes n without white space.
func (n *node) render() string {
	parts := []string{}
	switch n.kind {
	case '{':
		for _, m := range n.members {
			parts = append(parts, m.text+":"+m.value.render())
		}
		return "{" + strings.Join(parts, ",") + "}"
	case '[':
		for _, item := range n.items {
			parts = append(parts, item.render())
		}
		return "[" + strings.Join(parts, ",") + "]"
	default:
		return n.text
	}
}

// all returns every value that the path leads to, through every duplicate.
func (n *node) all(path ...string) []*node {
	if len(path) == 0 {
		return []*node{n}
	}
	var found []*node
	for _, m := range n.members {
		if m.name == path[0] {
			found = append(found, m.value.all(path[1:]...)...)
		}
	}
	return found
}

// remove takes away every member that the path leads to.
func (n *node) remove(path ...string) {
	name := path[len(path)-1]
	for _, parent := range n.all(path[:len(path)-1]...) {
		parent.members = slices.DeleteFunc(parent.members, func(m member) bool { return m.name == name })
	}
}

// set changes the last member of that name and removes its duplicates, or adds
// it at the end.
func (n *node) set(name, text string) {
	m := member{text: jsonString(name), name: name}
	last := len(n.members)
	for i, old := range n.members {
		if old.name == name {
			m, last = old, i
		}
	}
	m.value = &node{text: text}
	behind := slices.Clone(n.members[min(last+1, len(n.members)):])
	n.members = n.members[:last]
	n.remove(name)
	n.members = append(append(n.members, m), behind...)
}

func (n *node) string() string {
	var s string
	if err := json.Unmarshal([]byte(n.text), &s); err != nil {
		panic(err)
	}
	return s
}

// An expectation is the outcome that the data contract asks for.
type expectation struct {
	values  []string // of the messages, without white space
	dropped []Dropped
}

// expect is the data contract. Of the user's filters it knows those that change
// an event's type, by its position in the batch as parsed.
func expect(data []byte, s settings.Settings, retypes ...map[int]string) expectation {
	var e expectation
	b := parseTree(data)
	crashed := crashReports(b)
	position := map[*node]int{}
	for _, events := range b.all("events") {
		for i, event := range events.items {
			position[event] = i
		}
	}
	e.dropTypes(b, s)
	for _, types := range retypes {
		for event, i := range position {
			if t, ok := types[i]; ok {
				event.set("event_type", jsonString(t))
			}
		}
	}
	if len(retypes) > 0 {
		e.dropTypes(b, s)
	}
	maps.Copy(crashed, crashReports(b))
	removeMembers(b, s, crashed)
	events := b.all("events")
	if eventless := len(events) == 0 || len(events[0].items) == 0; eventless {
		if s.SendBatchesWithoutEvents == settings.Off {
			e.dropped = append(e.dropped, Dropped{Filter: "send_batches_without_events", Reason: "no events left", Batch: true})
			return e
		}
		e.values = []string{b.render()}
		return e
	}
	if s.SendAsBatch != settings.Off {
		e.values = []string{b.render()}
		return e
	}
	for _, event := range events[0].items {
		i := slices.IndexFunc(b.members, func(m member) bool { return m.name == "events" })
		b.members[i].value = &node{kind: '[', items: []*node{event}}
		e.values = append(e.values, b.render())
	}
	return e
}

// eventType returns the type of an event with its letters in lower case.
func (n *node) eventType() string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, n.all("event_type")[0].string())
}

func crashReports(b *node) map[*node]bool {
	crashed := map[*node]bool{}
	for _, events := range b.all("events") {
		for _, event := range events.items {
			if event.eventType() == "crash_report" {
				crashed[event] = true
			}
		}
	}
	return crashed
}

func (e *expectation) dropTypes(b *node, s settings.Settings) {
	forwarded := strings.Fields(`custom_event application_state_transition breadcrumb commerce_event crash_report
		first_run network_performance opt_out profile push_message push_registration screen_view session_start
		session_end uninstall user_attribute_change user_identity_change`)
	for _, step := range []struct {
		key, reason string
		drop        func(eventType string) bool
	}{
		{"event_type", "event type is not forwarded", func(t string) bool { return !slices.Contains(forwarded, t) }},
		{"send_network_performance_events", "switched off", func(t string) bool {
			return t == "network_performance" && s.SendNetworkPerformanceEvents == settings.Off
		}},
		{"include_user_attribute_change_events", "switched off", func(t string) bool {
			return t == "user_attribute_change" && s.IncludeUserAttributeChangeEvents != settings.On
		}},
		{"include_user_identity_change_events", "switched off", func(t string) bool {
			return t == "user_identity_change" && s.IncludeUserIdentityChangeEvents != settings.On
		}},
	} {
		for _, events := range b.all("events") {
			before := len(events.items)
			events.items = slices.DeleteFunc(events.items, func(event *node) bool {
				return step.drop(event.eventType())
			})
			if n := before - len(events.items); n > 0 {
				e.dropped = append(e.dropped, Dropped{Filter: step.key, Reason: step.reason, Events: n})
			}
		}
	}
}

func removeMembers(b *node, s settings.Settings, crashed map[*node]bool) {
	if s.IncludeLocationInformation == settings.Off {
		for _, events := range b.all("events") {
			for _, event := range events.items {
				event.remove("data", "location")
				if !crashed[event] {
					continue
				}
				for _, crumbs := range event.all("data", "breadcrumbs") {
					crumbs.removeLocations(8, false)
				}
			}
		}
	}
	if s.IncludeEventBatchLocation != settings.On {
		b.remove("context", "location")
	}
	if s.IncludeMetadata == settings.Off {
		b.remove("application_info")
		b.remove("device_info")
		b.remove("source_info")
	}
	if slices.Contains(s.MetadataFieldExclusion, settings.DeviceName) {
		b.remove("device_info", "device")
	}
	if slices.Contains(s.MetadataFieldExclusion, settings.IPAddress) {
		b.remove("ip")
	}
	if s.IncludeMPDeviceID != settings.On {
		b.remove("mp_deviceid")
	}
	if s.UniqueID != "" {
		b.set("unique_id", jsonString(s.UniqueID))
	}
}

// removeLocations removes the locations of the breadcrumbs in n, which may be of
// any shape. Objects and lists below that many levels are removed.
func (n *node) removeLocations(levels int, listed bool) {
	if n.kind == '{' {
		n.remove("data", "location")
		if listed {
			return
		}
	}
	if levels == 1 {
		tooDeep := func(v *node) bool { return v.kind != 0 }
		n.items = slices.DeleteFunc(n.items, tooDeep)
		for _, m := range slices.Clone(n.members) {
			if tooDeep(m.value) && (m.name != "data" || m.value.kind != '{') {
				n.remove(m.name)
			}
		}
		return
	}
	for _, item := range n.items {
		item.removeLocations(levels-1, true)
	}
	for _, m := range n.members {
		if m.name != "data" || m.value.kind != '{' {
			m.value.removeLocations(levels-1, false)
		}
	}
}

// compact takes the white space out of a message.
func compact(value []byte) string {
	var buf bytes.Buffer
	if err := json.Compact(&buf, value); err != nil {
		return fmt.Sprintf("%v: %s", err, value)
	}
	return buf.String()
}

// jsonString is the JSON string of s, without HTML escaping.
func jsonString(s string) string {
	var buf strings.Builder
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(buf.String(), "\n")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
