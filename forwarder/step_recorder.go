package forwarder

import (
	"bytes"
	"context"

	"github.com/eventferry/eventferry/batch"
)

// droppedBefore stands in place of a filter for events that the caller had dropped.
const droppedBefore = "caller"

// A stepRecorder notes which step of a pipeline drops and edits what.
type stepRecorder struct {
	own    *batch.Batch
	values bool // also what edited members hold
	step   string
	events []EventExplanation
	edits  []Edit // of the envelope
	before jsonSnapshot
}

// A jsonSnapshot is the text of a batch at one moment.
type jsonSnapshot struct {
	text     []byte
	envelope []byte         // without events
	events   map[int][]byte // by index
}

func newStepRecorder(own *batch.Batch, values bool) *stepRecorder {
	r := &stepRecorder{own: own, values: values, before: takeSnapshot(own)}
	for _, e := range own.Events() {
		for len(r.events) <= e.Index() { // the caller may have dropped some
			r.events = append(r.events, EventExplanation{Index: len(r.events), Filter: droppedBefore, Reason: "dropped before the call"})
		}
		r.events[e.Index()] = EventExplanation{Index: e.Index(), Type: listedType(e), Kept: true}
	}
	own.OnDrop(func(reason string, e batch.Event) {
		at := &r.events[e.Index()]
		at.Kept, at.Filter, at.Reason = false, r.step, reason
	})
	return r
}

// listedType returns the type of an event if it is one of those that are
// forwarded: any other is payload.
func listedType(e batch.Event) string {
	if t := e.Type(); batch.IsForwarded(t) {
		return t
	}
	return "unlisted"
}

// wrap returns the filters with the recorder around each.
func (r *stepRecorder) wrap(list []namedFilter) []namedFilter {
	wrapped := make([]namedFilter, len(list))
	for i, n := range list {
		wrapped[i] = namedFilter{name: n.name, caller: n.caller, filter: batch.FilterFunc(func(ctx context.Context, b *batch.Batch) error {
			r.step = n.name
			err := n.filter.Filter(ctx, b)
			r.compare()
			return err
		})}
	}
	return wrapped
}

// compare notes what the step has edited.
func (r *stepRecorder) compare() {
	now := takeSnapshot(r.own)
	if bytes.Equal(now.text, r.before.text) {
		return
	}
	r.edits = append(r.edits, r.editsOf(r.before.envelope, now.envelope)...)
	for i, after := range now.events {
		if before := r.before.events[i]; !bytes.Equal(before, after) {
			r.events[i].Edits = append(r.events[i].Edits, r.editsOf(before, after)...)
		}
	}
	r.before = now
}

func (r *stepRecorder) editsOf(before, after []byte) []Edit {
	edits := jsonEdits("", before, after)
	for i := range edits {
		edits[i].Filter = r.step
		if !r.values {
			edits[i].Before, edits[i].After = nil, nil
		}
	}
	return edits
}

func takeSnapshot(b *batch.Batch) jsonSnapshot {
	s := jsonSnapshot{text: b.AppendJSON(nil), events: map[int][]byte{}}
	s.envelope = withoutMember(s.text, "events")
	for _, e := range b.Events() {
		s.events[e.Index()] = bytes.Clone(e.At().Raw())
	}
	return s
}
