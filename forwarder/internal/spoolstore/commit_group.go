package spoolstore

import "context"

// A commitGroup is entries that are written and synced together.
type commitGroup struct {
	segment  *segment
	at       int64 // where in it
	opens    bool  // with the segment's title before it
	buf      []byte
	frames   []frameRef
	first    uint64 // number of its first message
	next     uint64
	recent   []*recentEntry
	record   recentEntry   // the first of recent
	parts    []Range       // that its entries stand for
	tags     []tag         // of its entries
	waits    int64         // bytes of its frames that wait in windows
	frees    int64         // bytes of frames that waited for its entries
	told     []func(error) // called when it is finished
	finished chan struct{} // closed when err is final
	err      error
}

// write writes and syncs the group, behind its segment's title if it opens that.
func (g *commitGroup) write() error {
	if g.opens {
		if _, err := g.segment.file.WriteAt(g.segment.title.bytes(), 0); err != nil {
			return err
		}
	}
	if _, err := g.segment.file.WriteAt(g.buf, g.at); err != nil {
		return err
	}
	return g.segment.file.Sync()
}

// placeRecent notes where the frames of its recent entries lie. first is the index of its first
// frame.
func (g *commitGroup) placeRecent(first int) {
	for _, r := range g.recent {
		r.segment, r.index = g.segment, first+r.frame+1
		r.at = g.at + int64(g.frames[r.frame].at+r.Bytes)
	}
}

// A groupMemory is what a group has of its own only until it is finished.
type groupMemory struct {
	buf    []byte
	frames []frameRef
	recent []*recentEntry
}

// groupMemories is memory for groups to come.
type groupMemories []groupMemory

// keptMemories is how many are kept: for the group that fills while another is
// written.
const keptMemories = 2

// newGroup returns an empty group. Its memory has been used before, if possible:
// fresh memory costs more than what is written to it.
func (m *groupMemories) newGroup(first uint64) *commitGroup {
	g := &commitGroup{finished: make(chan struct{}), first: first}
	if last := len(*m) - 1; last >= 0 {
		g.buf, g.frames, g.recent = (*m)[last].buf, (*m)[last].frames, (*m)[last].recent
		*m = (*m)[:last]
	}
	return g
}

// release takes the memory of a group that is finished.
func (m *groupMemories) release(g *commitGroup) {
	if len(*m) < keptMemories {
		clear(g.recent)
		*m = append(*m, groupMemory{g.buf[:0], g.frames[:0], g.recent[:0]})
	}
	g.buf, g.frames, g.recent = nil, nil, nil
	g.parts, g.tags = nil, nil // the record in it may be kept for long
}

// A frameRef is a frame in a group's buffer, whose header is put when it is
// known where it goes.
type frameRef struct {
	at       int
	length   int
	checksum uint32
	first    uint64
	messages int
}

// A Ticket is an entry on its way to the disk.
type Ticket struct {
	First      uint64 // number of its first message; the others follow
	KeptMemory bool   // the store has the memory of the entry
	group      *commitGroup
}

// Wait returns nil once the entry is synced. Otherwise the error is a
// [*NotStoredError], an [*UnknownError], or that of ctx: the entry is still on
// its way then, and Wait may be called again.
func (t Ticket) Wait(ctx context.Context) error {
	select {
	case <-t.group.finished:
		return t.group.err
	default:
	}
	select {
	case <-t.group.finished:
		return t.group.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done returns a channel that is closed when Wait does not block any more.
func (t Ticket) Done() <-chan struct{} { return t.group.finished }
