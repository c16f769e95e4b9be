package forwarder

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/internal/window"
)

// windows lets stored batches wait for others of their device, and stores what they
// become. See package window for what leaves together, and when.
type windows struct {
	store  *spoolstore.Store
	table  *window.Table
	length time.Duration
	clock  func() window.Instant
	log    *slog.Logger

	// moved is told under which numbers the messages of a window will be sent, as
	// [spoolUse.moved] says. It is called under the lock of the store.
	moved func(w *window.Window, from, to uint64)

	released map[uint64]bool // first numbers of entries that are sent by themselves although they name a window
	cancel   context.CancelFunc
	ended    chan struct{}

	mu   sync.Mutex
	room chan struct{} // closed and replaced each time that closed windows were stored
}

const (
	closeTogether = 1000                   // windows that are stored with one wait for the disk
	lookAtClock   = time.Second            // how long a jump of the wall clock may stay unseen
	closeAgain    = 100 * time.Millisecond // between attempts to store what a window became
	logEvery      = 300                    // failed attempts
)

// heldShare divides what may wait in the spool: so much of it may be in open windows.
// The rest is for those that are closed and not stored yet.
const heldShare = 2

func newWindows(store *spoolstore.Store, length time.Duration, messageBytes int, memory int64, log *slog.Logger) *windows {
	clock := window.Clock()
	return &windows{
		store: store, length: length, clock: clock, log: log,
		table: window.NewTable(window.Limits{
			Length: length, MessageBytes: messageBytes, MemoryBytes: memory, HeldBytes: store.WaitingLimit() / heldShare,
		}, clock),
		released: map[uint64]bool{}, ended: make(chan struct{}), room: make(chan struct{}),
	}
}

// waits reports whether an entry is to be left alone until its window closes.
func (w *windows) waits(r *spoolstore.Record) bool {
	return r.Entry.Window.Waits() && !w.released[r.First]
}

// recover opens the windows again that a former process has left open. It reads all
// that lies in the store.
func (w *windows) recover() error {
	if !w.store.HasWindows() {
		return nil
	}
	c := w.store.Cursor(0)
	c.Want = w.waits
	for {
		r, _, err := c.TryNext()
		if r == nil {
			return err
		}
		left := 0
		for _, run := range w.store.Pending(r.Range()) {
			left += run.Len()
		}
		if left < len(r.Entry.Messages) { // the user has decided about the others
			w.released[r.First] = true
			continue
		}
		w.store.AddWaiting(int64(r.Bytes))
		w.table.Add(windowPart(r.Entry, r.First, int64(r.Bytes)))
	}
}

// hold has e, the entry of b, wait for others of its device, if b names that. While
// too many closed windows wait for the disk it blocks, until ctx ends or stop is
// closed.
func (w *windows) hold(ctx context.Context, stop <-chan struct{}, b *batch.Batch, e *spoolstore.Entry) error {
	device, ok := window.DeviceOf(b)
	if !ok {
		return nil
	}
	if err := w.waitForRoom(ctx, stop); err != nil {
		return err
	}
	e.Window = spoolstore.Window{Device: device, End: w.clock().Wall.Add(w.length).Truncate(time.Millisecond)}
	own := *e // a copy: the memory of the messages is used again for other batches
	own.Messages = []spoolstore.Message{e.Messages[0]}
	own.Messages[0].Value = bytes.Clone(e.Messages[0].Value)
	part := windowPart(&own, 0, 0)
	part.Messages = len(e.Messages)
	e.Finished = func(first uint64, bytes int64, err error) {
		if err == nil { // otherwise it is not on the disk, and its caller learns that
			part.First, part.Held = first, bytes
			w.table.Add(part)
		}
	}
	return nil
}

// waitForRoom waits while the disk does not keep up with storing closed windows.
func (w *windows) waitForRoom(ctx context.Context, stop <-chan struct{}) error {
	for {
		w.mu.Lock()
		room := w.room
		w.mu.Unlock()
		if !w.table.Crowded() {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return &spoolstore.FullError{MaxBytes: w.store.Stats().MaxBytes, Cause: errCrowded, Err: context.Cause(ctx)}
		case <-stop:
			return spoolstore.ErrStopped
		}
	}
}

var errCrowded = errors.New("windows close faster than the disk stores what they become")

// start begins to store what windows become.
func (w *windows) start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go w.run(ctx)
}

// end leaves what is open as it is, for the next start.
func (w *windows) end() {
	if w.cancel != nil {
		w.cancel()
		<-w.ended
	}
}

func (w *windows) run(ctx context.Context) {
	defer close(w.ended)
	for ctx.Err() == nil {
		list, next := w.table.Take(closeTogether)
		if len(list) > 0 {
			w.close(ctx, list)
			continue
		}
		var end <-chan time.Time
		if next > 0 {
			end = time.After(min(next, lookAtClock))
		}
		select {
		case <-w.table.Changed():
		case <-end:
		case <-ctx.Done():
		}
	}
}

// closeNow closes all that is open, and waits until it is stored.
func (w *windows) closeNow(ctx context.Context) error {
	w.table.CloseAll()
	for {
		list, _ := w.table.Take(closeTogether)
		if len(list) == 0 {
			return nil
		}
		w.close(ctx, list)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// A closing is a window that is being stored.
type closing struct {
	*window.Window
	windows *windows
	number  uint64 // of what it becomes, since the last attempt; 0: there was none
	ticket  spoolstore.Ticket
}

// Number implements [spoolstore.Numbered].
func (c *closing) Number(first uint64) {
	c.windows.moved(c.Window, c.number, first)
	c.number = first
}

// close stores what windows become, and waits until all of them are on the disk: the
// next window of a device must come behind this one. No two of them are of one device.
func (w *windows) close(ctx context.Context, windows []*window.Window) {
	list := make([]*closing, len(windows))
	for i, win := range windows {
		list[i] = &closing{Window: win, windows: w}
	}
	for failed := 0; len(list) > 0; failed++ {
		if failed > 0 {
			select {
			case <-time.After(closeAgain):
			case <-ctx.Done():
				return
			}
		}
		var err error
		if list, err = w.tryClose(ctx, list); err != nil && failed%logEvery == 0 && ctx.Err() == nil && !errors.Is(err, spoolstore.ErrClosed) {
			w.log.Warn("spool: closing windows", slog.String("error", err.Error()))
		}
	}
}

// tryClose returns the windows that could not be stored, and why the first could not.
func (w *windows) tryClose(ctx context.Context, list []*closing) (left []*closing, why error) {
	added := make([]*closing, 0, len(list))
	for _, win := range list {
		e, err := w.entry(win)
		damaged := err == nil && len(e.Messages) == 0 // all of it
		if err == nil && !damaged {
			win.ticket, err = w.store.Add(ctx, e)
		}
		switch {
		case err != nil:
			left, why = append(left, win), cmp.Or(why, err)
		case damaged:
			w.store.Done(e.Parts, nil, spoolstore.End{})
			w.store.AddWaiting(-win.Held)
			w.table.Release(win.Window)
		default:
			added = append(added, win)
		}
	}
	for _, win := range added {
		if err := win.ticket.Wait(ctx); err != nil {
			left, why = append(left, win), cmp.Or(why, err)
			continue
		}
		w.table.Release(win.Window)
	}
	w.mu.Lock()
	close(w.room)
	w.room = make(chan struct{})
	w.mu.Unlock()
	return left, why
}

// entry returns what a window becomes. It has no messages if all parts are damaged.
func (w *windows) entry(win *closing) (*spoolstore.Entry, error) {
	e := &spoolstore.Entry{
		Accepted: win.Accepted, Window: spoolstore.Window{Device: win.Device}, Frees: win.Held,
		Numbered: win,
	}
	for _, r := range win.Parts {
		e.Parts = append(e.Parts, spoolstore.Range(r))
	}
	if last, ok := win.Extra.(*lastPart); ok && win.Text != nil {
		e.Topic, e.Key = last.topic, last.key
		e.Messages = []spoolstore.Message{{Value: win.Text.Append(nil), Headers: last.headers}}
		return e, nil
	}
	return e, w.read(win.Window, e)
}

// read gathers the messages of e from the disk.
func (w *windows) read(win *window.Window, e *spoolstore.Entry) error {
	var text window.Text
	for _, run := range e.Parts {
		for n := run.First; n < run.Next; {
			r, err := w.store.ReadRecord(n)
			if errors.As(err, new(*spoolstore.NotFoundError)) {
				if err := w.reportDamage(n); err != nil {
					return err
				}
				n++
				continue
			}
			if err != nil {
				return err
			}
			n = r.Range().Next
			e.Topic, e.Key = r.Entry.TopicOf(0), r.Entry.Key
			e.Messages = r.Entry.Messages
			if !win.Alone {
				shape := window.ShapeOf(r.Entry.Messages[0].Value)
				text.Add(&shape)
			}
		}
	}
	if !win.Alone && len(e.Messages) > 0 {
		e.Messages = []spoolstore.Message{{Value: text.Append(nil), Headers: e.Messages[0].Headers}}
	}
	return nil
}

// reportDamage has the store note the damage where a message cannot be read.
func (w *windows) reportDamage(number uint64) error {
	c := w.store.Cursor(number)
	_, _, err := c.TryNext()
	if errors.Is(err, spoolstore.ErrClosed) {
		return err
	}
	return nil
}
