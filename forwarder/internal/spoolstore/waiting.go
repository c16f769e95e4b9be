package spoolstore

// What waits in windows must always find room to become other entries, or the
// spool would stand still once it is full. So it takes no more than a part of the
// spool, and segments are kept free for twice as much: an entry that does not fit
// into the rest of a segment leaves that empty, so that of two segments one is full
// at least.
type waiting struct {
	bytes   int64 // of frames that wait
	windows bool  // an entry with a window was added
}

// WaitingShare divides the spool into the part that may wait: [Store.WaitingLimit].
const WaitingShare = 8

// An occupancy is how a store's segments are used.
type occupancy struct {
	segments, spares, most int
	capacity               int64 // of a segment
}

// limit is how many bytes may wait.
func (o occupancy) limit() int64 { return int64(o.most) * o.capacity / WaitingShare }

// kept is how many segments of this capacity an entry with v must leave free.
func (w *waiting) kept(v Window, capacity int64) int {
	if w.bytes == 0 || v.closes() {
		return 0
	}
	return int((2*w.bytes+capacity-1)/capacity) + 1
}

// keepsOut reports whether the free segments are kept for what waits, so that the
// entry has no room. lasting says that preparing more segments does not help: something
// must leave the spool first.
func (w *waiting) keepsOut(n need, o occupancy) (out, lasting bool) {
	if n.window.Waits() && w.bytes+n.bytes > o.limit() {
		return true, true
	}
	kept := w.kept(n.window, o.capacity)
	if kept == 0 {
		return false, false
	}
	lasting = o.segments+kept > o.most
	return lasting || o.spares < 1+kept, lasting
}

// format is the version of the format of a segment that begins with an entry with v.
func (w *waiting) format(v Window) int {
	w.windows = w.windows || v != Window{}
	if w.windows {
		return version
	}
	return plainVersion
}
