package forwarder

import (
	"fmt"
	"strings"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/window"
)

// A PlannedWindow says how long a batch would wait on the disk for others of its
// device, as [WithWindow] describes. Windows that are open already are not known to
// [Explain]: one closes also before a batch that differs or does not fit, and while
// there are too many. Fields may be added.
type PlannedWindow struct {
	// Waits: the batch leaves together with others of its device. Otherwise it leaves
	// by itself and at once.
	Waits bool
	// AtMost is after how long it leaves, if it opens the window; sooner if one is
	// open. 0: at once.
	AtMost time.Duration
	// Closes: what waits of its device leaves now, in front of the batch, or together
	// with it if it Waits.
	Closes bool
	// Reason is why the batch does not wait for later ones; "" if it does.
	Reason string
}

// plannedWindow says what a window does with b, which o is made of. It follows
// [windows.hold] and [window.Table.Add].
func plannedWindow(length time.Duration, b *batch.Batch, o *outline) *PlannedWindow {
	if _, ok := window.DeviceOf(b); !ok {
		return &PlannedWindow{Reason: "no mp_deviceid"}
	}
	messages := o.encode(make([]byte, 0, o.valueBytes()), nil)
	if n := len(messages); n > 1 {
		return &PlannedWindow{Closes: true, Reason: fmt.Sprintf("split into %d messages", n)}
	}
	switch shape := window.ShapeOf(messages[0].value); {
	case shape.Alone:
		return &PlannedWindow{Closes: true, Reason: "no array of events"}
	case shape.Last:
		return &PlannedWindow{Waits: true, Closes: true, Reason: closingEvent(o.batch)}
	default:
		return &PlannedWindow{Waits: true, AtMost: length}
	}
}

// closingEvent names the type of the first event that closes a window.
func closingEvent(b *batch.Batch) string {
	for _, e := range b.Events() {
		if window.Closes(e.Type()) {
			return e.Type()
		}
	}
	return ""
}

// String returns a line for a terminal.
func (p *PlannedWindow) String() string {
	var b strings.Builder
	switch {
	case !p.Waits && !p.Closes:
		b.WriteString("leaves at once, beside what waits of its user")
	case !p.Waits:
		b.WriteString("leaves at once, behind what waits of its device")
	case p.Closes:
		b.WriteString("leaves at once, together with what waits of its device")
	default:
		fmt.Fprintf(&b, "leaves together with others of its device, after %s at the latest", p.AtMost)
	}
	if p.Reason != "" {
		b.WriteString(": " + p.Reason)
	}
	return b.String()
}
