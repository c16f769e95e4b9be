package spoolstore

import "slices"

// recents are entries that were stored a moment ago and not read yet. The cursor
// that has caught up with the log gets them from here: to read them from the disk would
// take a call of the kernel, a copy and a checksum for bytes that were in memory.
//
// What is here may be missing at any time: then the disk has it. It is kept only while
// there is a cursor that reads as fast as others store.
type recents struct {
	limit    int64 // of bytes; 0: nothing is kept
	bytes    int64 // of those in list, and in groups that are not synced
	caughtUp bool  // the cursor has read all that was synced, and what came since has found room
	list     []*recentEntry
	taken    int                  // so many of list are taken: its memory is used again
	unused   func(memory *[]byte) // takes what was given and will not be read from here; nil: nobody
}

// A recentEntry is an entry, and where its frame lies.
type recentEntry struct {
	readRecord

	key     [24]byte // room for a key, as most fit
	frame   int      // of its group
	segment *segment // from here on: known once it is synced
	at      int64    // behind its frame
	index   int      // of the frame behind
}

// limitTo forgets all, and keeps so many bytes from now on.
func (l *recents) limitTo(bytes int64, unused func(*[]byte)) {
	l.drop(l.list[l.taken:]...)
	l.limit, l.unused, l.caughtUp, l.list, l.taken = bytes, unused, false, nil, 0
}

// add keeps e of g, whose memory is given to it, until that is synced or has failed; false: there
// is no room. It keeps none with several topics: they end at different times, and the memory
// with the last. The first of its group lies in that one, which a single caller need not
// allocate twice then.
func (l *recents) add(g *commitGroup, e *Entry, first uint64, bytes int) bool {
	if e.Memory == nil || e.Window.Waits() || !l.caughtUp || e.severalTopics() {
		return false
	}
	size := recentBytes(e)
	if l.bytes+size > l.limit {
		l.caughtUp = false
		return false
	}
	l.bytes += size
	r := &g.record
	if len(g.recent) > 0 {
		r = &recentEntry{}
	}
	g.recent = append(g.recent, r)
	r.frame = len(g.frames) - 1
	r.First, r.Bytes, r.Entry = first, bytes, &r.entry
	r.entry = Entry{
		Topic: e.Topic, ID: e.ID, Digest: e.Digest, Source: e.Source, Accepted: e.Accepted, Parts: e.Parts, Window: e.Window,
		Messages: append(r.message[:0], e.Messages...), Memory: e.Memory,
	}
	if e.Key != nil {
		r.entry.Key = append(r.key[:0], e.Key...)
	}
	return true
}

// recentBytes is about what an entry takes beside the list of recents.
func recentBytes(e *Entry) int64 {
	const own, each = 768, 80 // own is with its group, of which it may be all that is left
	size := own + cap(*e.Memory)
	for i := range e.Messages {
		size += each
		for _, h := range e.Messages[i].Headers {
			size += each + len(h.Key) + len(h.Value)
		}
	}
	return int64(size)
}

// synced makes entries readable.
func (l *recents) synced(list []*recentEntry) {
	if l.limit == 0 { // nobody reads any more
		l.drop(list...)
		return
	}
	if 2*l.taken >= len(l.list) { // so that what is left is moved less often than it is taken
		l.list, l.taken = slices.Delete(l.list, 0, l.taken), 0
	}
	l.list = append(l.list, list...)
}

// drop forgets entries.
func (l *recents) drop(list ...*recentEntry) {
	for _, r := range list {
		l.bytes -= recentBytes(&r.entry)
		if l.unused != nil {
			l.unused(r.entry.Memory)
		}
	}
}

// take returns the entry that begins with the number, and forgets it and those before; nil if
// it is not there.
func (l *recents) take(number uint64) *recentEntry {
	for l.taken < len(l.list) && l.list[l.taken].First <= number {
		r := l.list[l.taken]
		l.list[l.taken] = nil
		l.taken++
		if r.First == number {
			l.bytes -= recentBytes(&r.entry)
			return r
		}
		l.drop(r) // it was read from the disk
	}
	return nil
}
