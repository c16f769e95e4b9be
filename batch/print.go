package batch

import (
	"fmt"
	"io"
	"log/slog"
)

// String describes the batch without any of its payload: "batch(3 events, 9123
// bytes)".
func (b *Batch) String() string {
	if b == nil {
		return "batch(nil)"
	}
	events := "events"
	if b.NumEvents() == 1 {
		events = "event"
	}
	return fmt.Sprintf("batch(%d %s, %d bytes)", b.NumEvents(), events, b.Size())
}

// Format prints what String returns, whatever the verb: no payload gets into a
// log by a wrong one. (Package fmt does not call it for %w nor for a copy of a
// Batch, both of which go vet reports, and cannot for a field that another package
// does not export; a struct with such a field needs a Format of its own.)
func (b *Batch) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, b.String()) }

// LogValue logs what String returns. Log the batch itself, as an attribute of its
// own: package log/slog calls this for attributes only, and its JSON handler
// writes slices and structs with encoding/json, so the batches in them in full.
func (b *Batch) LogValue() slog.Value { return slog.StringValue(b.String()) }

// String describes the event without any of its payload.
func (e Event) String() string { return fmt.Sprintf("event(%d)", e.i) }

// Format prints what String returns, whatever the verb.
func (e Event) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// LogValue logs what String returns.
func (e Event) LogValue() slog.Value { return slog.StringValue(e.String()) }

// String describes the value without any of its payload: "value(36 bytes)".
func (v Value) String() string { return fmt.Sprintf("value(%d bytes)", len(v.Raw())) }

// Format prints what String returns, whatever the verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// LogValue logs what String returns.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }
