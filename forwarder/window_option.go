package forwarder

import (
	"errors"
	"time"

	"github.com/eventferry/eventferry/settings"
)

// WithWindow gathers the stored batches of one device for a time, 1 second to 1 hour,
// and sends their events as one batch. That gives the "(roughly) 10-minute batches per
// device" of mParticle's page to those who get events one by one, as its webhook output
// sends them by default. Without it every batch leaves by itself. It needs a spool of
// four segments at least, and the setting send_as_batch. [NewRoutes] refuses it. The
// setting spool.window does the same; New refuses to take both.
//
// Batches join a window if they were given with the same user id and mp_deviceid, and
// if filters and settings leave the same bytes of them, save for events, batch_id,
// message_id, source_request_id and timestamp_unixtime_ms. So no message says what no
// batch has said. The message has the events in the order in which the batches were
// accepted, and all else of the last one, its headers from [WithHeaders] included. A
// batch without mp_deviceid leaves at once.
//
// A window closes at the first of these:
//
//   - d after its first batch was stored, by the wall clock, across restarts too. A
//     clock that is set forward closes windows early. One that is set back keeps none
//     open for longer than d, or than d after a restart.
//   - behind a batch with a session_end or a commerce_event
//   - before a batch that differs, or would make the message larger than
//     delivery.max_message_bytes
//   - at [Forwarder.Shutdown]; [Forwarder.Close] leaves windows open, for the next start
//   - while there are too many, the oldest first. What is known of open windows takes up
//     to a quarter of delivery.max_buffered_bytes, beside the buffer and about 350 bytes
//     each, and their batches take up to a sixteenth of the spool. [SpoolStats] counts
//     these windows.
//
// The order holds for a user and a device: of two devices of one user the window that
// closes first is written first. [Forwarder.Store] returns once the batch is on the
// disk, and never loses it to a window. [Forwarder.Forward] waits for the window's
// message, for up to d longer; so does the done of [Forwarder.ForwardAsync], which
// blocks once the batches that wait take a quarter of the buffer. [Observer].Settled is
// told of each batch by its SpoolID, with the message that has its events.
func WithWindow(d time.Duration) Option {
	return optionFunc(func(o *options) { o.window = &d })
}

var (
	errWindowTime  = errors.New("forwarder: a window is between 1 second and 1 hour long")
	errTwoWindows  = errors.New("forwarder: WithWindow replaces the setting spool.window: leave that out, or the option")
	errWindowSpool = errors.New("forwarder: a window (WithWindow, or the setting spool.window) needs a spool, where batches wait: WithSpool, or the setting spool.dir")
	errWindowEvent = errors.New("forwarder: WithWindow gathers events, and send_as_batch is off: leave one of them out")
)

// windowLength returns how long windows are, by o or by s; 0 if there are none.
func (o *options) windowLength(s settings.Settings) time.Duration {
	if o.window != nil {
		return *o.window
	}
	return s.Spool.Window
}

// windowMistakes returns what keeps o and s from having windows. s is valid.
func (o *options) windowMistakes(s settings.Settings) []error {
	if o.window == nil && s.Spool.Window == 0 {
		return nil
	}
	var list []error
	if o.window != nil && s.Spool.Window != 0 {
		list = append(list, errTwoWindows)
	}
	if d := o.windowLength(s); d < time.Second || d > time.Hour {
		list = append(list, errWindowTime)
	}
	if o.spool == nil && s.Spool.Dir == "" {
		list = append(list, errWindowSpool)
	}
	if s.SendAsBatch == settings.Off {
		list = append(list, errWindowEvent)
	}
	return list
}
