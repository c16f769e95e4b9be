package forwarder

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An Explanation says what would become of one batch. Its String is for a
// terminal, its JSON for programs. It holds names of members, which may be names of
// attributes, and values only if [WithValues] asks for them. Fields may be added.
type Explanation struct {
	Batch      string             // as the batch prints, without any payload
	Events     []EventExplanation // one for each event of the batch, at its index
	Edits      []Edit             // of members outside events, in the order it happened
	Dropped    []Dropped          // as an [Observer] gets it
	Key        string             // of all messages; "" when they have none, and a random partition
	Partitions []Placement        // of the key, if [WithPartitionCount] asks for it
	Messages   []PlannedMessage   // that would leave; none if the batch is dropped, or if there is an error
	Window     *PlannedWindow     // how long it would wait for others; nil: there are no messages, or no windows
	Err        error              // what Forward would return before it sends anything
}

// An EventExplanation says what becomes of one event.
type EventExplanation struct {
	Index  int    `json:"index"`            // [batch.Event.Index]
	Type   string `json:"type"`             // "unlisted" if events of its type are never forwarded
	Kept   bool   `json:"kept"`             // it is in a message
	Filter string `json:"filter,omitempty"` // otherwise: which filter or setting dropped it
	Reason string `json:"reason,omitempty"` // and why
	Edits  []Edit `json:"edits,omitempty"`  // of its members, in the order it happened
}

// An Edit is a change of one member.
type Edit struct {
	Filter string          `json:"filter"`
	Kind   EditKind        `json:"kind"`
	Path   string          `json:"path"` // from the batch or the event on: device_info.device, user_identities[0].identity
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// An EditKind says how a member was changed.
type EditKind string

// The kinds of edits.
const (
	MemberRemoved EditKind = "removed"
	MemberAdded   EditKind = "added"
	MemberChanged EditKind = "changed"
)

// A Placement is the partition of a key by one hash.
type Placement struct {
	Hash      string `json:"hash"` // as delivery.partitioner names it, or "WithPartitioner"
	Partition int32  `json:"partition"`
	Used      bool   `json:"used"` // it is the one that places messages
}

// A PlannedMessage is a message that would leave.
type PlannedMessage struct {
	Topic  string `json:"topic,omitempty"` // only with [WithExplainedRoutes]
	Events []int  `json:"events"`          // the indexes of its events
	Bytes  int    `json:"bytes"`           // of the value, before compression
	Size   int    `json:"size"`            // what it counts for against delivery.max_message_bytes
	Part   string `json:"part,omitempty"`  // the header eventferry-part, if the batch is split

	Headers []PlannedHeader `json:"headers,omitempty"` // of [WithHeaders], the same on all messages
}

// A PlannedHeader is a header of a message that would leave.
type PlannedHeader struct {
	Key   string `json:"key"`
	Bytes int    `json:"bytes"`           // of the value
	Value string `json:"value,omitempty"` // if [WithValues] asks for it
}

func sortPlacements(list []Placement) {
	slices.SortFunc(list, func(a, b Placement) int { return cmp.Compare(a.Hash, b.Hash) })
}

// MarshalJSON writes the explanation with names in snake_case, and the error as
// its text.
func (e Explanation) MarshalJSON() ([]byte, error) {
	type dropped struct {
		Filter string `json:"filter"`
		Reason string `json:"reason"`
		Events int    `json:"events"`
		Batch  bool   `json:"batch"`
	}
	type planned struct {
		Waits    bool   `json:"waits"`
		AtMostMS int64  `json:"at_most_ms"`
		Closes   bool   `json:"closes"`
		Reason   string `json:"reason,omitempty"`
	}
	out := struct {
		Batch      string             `json:"batch"`
		Key        *string            `json:"key"`
		Partitions []Placement        `json:"partitions,omitempty"`
		Events     []EventExplanation `json:"events"`
		Edits      []Edit             `json:"edits"`
		Dropped    []dropped          `json:"dropped"`
		Messages   []PlannedMessage   `json:"messages"`
		Window     *planned           `json:"window,omitempty"`
		Error      string             `json:"error,omitempty"`
	}{
		Batch: e.Batch, Partitions: e.Partitions, Events: append([]EventExplanation{}, e.Events...),
		Edits: append([]Edit{}, e.Edits...), Dropped: []dropped{}, Messages: append([]PlannedMessage{}, e.Messages...),
	}
	if e.Key != "" {
		out.Key = &e.Key
	}
	for _, d := range e.Dropped {
		out.Dropped = append(out.Dropped, dropped(d))
	}
	if w := e.Window; w != nil {
		out.Window = &planned{w.Waits, w.AtMost.Milliseconds(), w.Closes, w.Reason}
	}
	if e.Err != nil {
		out.Error = e.Err.Error()
	}
	return json.Marshal(out)
}

// String returns lines for a terminal.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, e.Batch)
	for _, event := range e.Events {
		fmt.Fprintf(&b, "  event %d, %s: ", event.Index, event.Type)
		if event.Kept {
			b.WriteString("kept\n")
		} else {
			fmt.Fprintf(&b, "dropped by %s: %s\n", event.Filter, event.Reason)
		}
		writeEdits(&b, "    ", event.Edits)
	}
	writeEdits(&b, "  ", e.Edits)
	switch n := len(e.Dropped); {
	case e.Err != nil:
		fmt.Fprintf(&b, "  not sent: %v\n", e.Err)
		return b.String()
	case n > 0 && e.Dropped[n-1].Batch:
		fmt.Fprintf(&b, "  the batch is dropped by %s: %s\n", e.Dropped[n-1].Filter, e.Dropped[n-1].Reason)
		return b.String()
	case e.Key == "":
		b.WriteString("  no key: a random partition\n")
	default:
		fmt.Fprintf(&b, "  key %s\n", e.Key)
	}
	for _, p := range e.Partitions {
		used := ""
		if p.Used {
			used = ", which places it"
		}
		fmt.Fprintf(&b, "  partition %d by %s%s\n", p.Partition, p.Hash, used)
	}
	for i, m := range e.Messages {
		topic := ""
		if m.Topic != "" {
			topic = " to topic " + m.Topic
		}
		fmt.Fprintf(&b, "  message %d of %d%s: %s, %d bytes, counts as %d\n", i+1, len(e.Messages), topic, eventList(m.Events), m.Bytes, m.Size)
	}
	e.writeHeaders(&b)
	if e.Window != nil {
		fmt.Fprintf(&b, "  window: %s\n", e.Window)
	}
	return b.String()
}

// writeHeaders writes the headers of the first message: all have the same.
func (e Explanation) writeHeaders(b *strings.Builder) {
	if len(e.Messages) == 0 {
		return
	}
	for _, h := range e.Messages[0].Headers {
		fmt.Fprintf(b, "  header %s, %d bytes", h.Key, h.Bytes)
		if h.Value != "" {
			fmt.Fprintf(b, ": %q", h.Value)
		}
		b.WriteByte('\n')
	}
}

func writeEdits(b *strings.Builder, indent string, edits []Edit) {
	for _, edit := range edits {
		fmt.Fprintf(b, "%s%s by %s: %s", indent, edit.Kind, edit.Filter, edit.Path)
		if edit.Before != nil {
			fmt.Fprintf(b, ", was %s", edit.Before)
		}
		if edit.After != nil {
			fmt.Fprintf(b, ", is %s", edit.After)
		}
		b.WriteByte('\n')
	}
}

// eventList names the events of a message.
func eventList(events []int) string {
	switch n := len(events); {
	case n == 0:
		return "no events"
	case n == 1:
		return fmt.Sprintf("event %d", events[0])
	case events[n-1]-events[0] == n-1:
		return fmt.Sprintf("events %d to %d", events[0], events[n-1])
	}
	names := make([]string, len(events))
	for i, event := range events {
		names[i] = strconv.Itoa(event)
	}
	return "events " + strings.Join(names, ", ")
}
