package batch

import "github.com/eventferry/eventferry/batch/internal/splice"

// Most lookups in an event are in its data. The index says where in the text that
// is, and where some of its members are. The methods here find out how much of that
// edits have left.

// An origin says of which value of the text a path begins, if the index knows
// something of that: event i (fromEvent+i), or the batch.
type origin int

const (
	elsewhere origin = iota
	fromBatch
	fromEvent
)

// event returns the event that a path begins at.
func (c *content) event(from origin) *eventSpan { return &c.events[from-fromEvent] }

// inData reports whether a path leads to the data of an event, or into it.
func (from origin) inData(path []string) bool {
	return from >= fromEvent && len(path) > 0 && path[0] == "data"
}

// resolveLast returns where to begin looking for the last value at a path from
// root, and what is left of the path there. A zero position is nowhere.
func (c *content) resolveLast(root splice.Position, from origin, path []string) (at splice.Position, left []string) {
	if !from.inData(path) {
		return root, path
	}
	left = path[1:]
	e := c.event(from)
	edited := c.edited(e)
	at, known := c.data(e, edited)
	if !known {
		return root, path
	}
	if len(left) > 0 && at.Doc != nil {
		if n, ok := e.inData(left[0]); ok {
			if member, known := c.dataMember(e, n, left[0], edited); known {
				return member, left[1:]
			}
		}
	}
	return at, left
}

// resolveAll returns where to begin looking for all values at a path from root,
// and what is left of the path there.
func (c *content) resolveAll(root splice.Position, from origin, path []string) (at splice.Position, left []string) {
	if from.inData(path) {
		e := c.event(from)
		if at, known := c.data(e, c.edited(e)); known && !e.data.at.repeated() {
			return at, path[1:]
		}
	}
	if from == fromBatch && len(path) > 0 {
		if i, _, _ := c.soleMember(path[0]); i >= 0 {
			return splice.Position{Doc: &c.base, Offset: c.members[i].valueAt(c.base.Text())}, path[1:]
		}
	}
	return root, path
}

// removeIndexed removes the member at a path but for the one at keep, if the index
// knows that there is only one of it, or none.
func (c *content) removeIndexed(from origin, path []string, keep splice.Position) (done bool) {
	switch {
	case from == fromBatch:
		if w := c.watched(path); w != nil && w.at != 0 {
			return c.removeWatched(w, keep)
		}
		return c.removeMember(path, keep)
	case len(path) == 2 && from.inData(path) && path[1] == "location":
		return c.removeLocation(c.event(from), keep)
	}
	return false
}

// removeMember removes a member of the batch but for the one at keep, if there is only
// one of it, or none; of those further down only if there is none of the member that
// they are in. Many edits of a batch with many members are faster with a lookup.
func (c *content) removeMember(path []string, keep splice.Position) (done bool) {
	if len(c.members) >= largeObject {
		return false
	}
	i, ok, known := c.soleMember(path[0])
	if !known || !ok || i >= 0 && len(path) > 1 {
		return false
	}
	if i < 0 {
		return true
	}
	m, prev := &c.members[i], c.start()+1
	if i > 0 {
		prev = int(c.members[i-1].end)
	}
	if (keep == splice.Position{Doc: &c.base, Offset: m.valueAt(c.base.Text())}) {
		return true
	}
	c.base.CutEntry(c.start(), prev, int(m.end))
	return true
}

// removeWatched removes the member of a watched object in which there were no
// edits. It looks at the text only when that is the first one, as then the comma
// goes that comes next.
func (c *content) removeWatched(w *watchedObject, keep splice.Position) (done bool) {
	if w.end == 0 || w.at.repeated() || w.value.repeated() {
		return false
	}
	open, end := w.at.offset(), int(w.end)
	prev, known := w.beforeMember()
	switch {
	case w.value == 0 || keep == splice.Position{Doc: &c.base, Offset: w.value.offset()}: // there is nothing to remove
		return !c.base.Edited(open, end)
	case !known:
		return false
	}
	return c.base.CutUnedited(open, prev, int(w.valueEnd), end)
}

// removeLocation removes the location from the data of an event.
func (c *content) removeLocation(e *eventSpan, keep splice.Position) (done bool) {
	w := &e.data
	if c.removeWatched(w, keep) {
		return true
	}
	prev, ok := w.beforeMember()
	if w.at.repeated() || w.value.repeated() || w.value != 0 && !ok {
		return false
	}
	edited := c.edited(e)
	at, known := c.data(e, edited)
	if !known || at.Doc == nil {
		return known
	}
	member, known := c.dataMember(e, w.value, "location", edited)
	if known && member.Doc != nil && member != keep {
		c.base.CutEntry(at.Offset, prev, int(w.valueEnd))
	}
	return known
}

// edited reports whether there were edits in the event.
func (c *content) edited(e *eventSpan) bool { return c.base.Edited(int(e.start), int(e.end)) }

// data returns the position of an event's last member data, if the index knows it.
func (c *content) data(e *eventSpan, edited bool) (at splice.Position, known bool) {
	return c.lastMember(e.data.at, e.end, "data", edited)
}

// dataMember returns the position of the last member of that name in an event's
// data, which was noted down as n, if the index knows it. The data is where data
// says.
func (c *content) dataMember(e *eventSpan, n lastOffset, name string, edited bool) (at splice.Position, known bool) {
	if edited && (e.data.end == 0 || c.base.Covered(e.data.at.offset())) {
		return splice.Position{}, false // it may be another one now
	}
	return c.lastMember(n, e.data.end, name, edited)
}

// lastMember returns the position of the last member of that name, which was noted
// down as n in the object that ends at end, and nowhere when there was none or it
// was removed. It does not know when edits may have left another one.
func (c *content) lastMember(n lastOffset, end int32, name string, edited bool) (at splice.Position, known bool) {
	if n != 0 {
		at = splice.Position{Doc: &c.base, Offset: n.offset()}
	}
	if !edited {
		return at, true
	}
	if c.base.Adds(name, int(end)) {
		return splice.Position{}, false
	}
	if _, there := at.Now(); there || n == 0 {
		return at, true
	}
	return splice.Position{}, !n.repeated()
}

// soleMember returns the index of the batch's only member of that name, or -1 when
// there is none, and is not ok when there are several. It does not know where edits
// may have changed that.
func (c *content) soleMember(name string) (i int, ok, known bool) {
	if !c.names.maybe(name) {
		return -1, true, c.base.Added(c.membersEnd()) == nil
	}
	text, found := c.base.Text(), -1
	for i := range c.members {
		m := &c.members[i]
		switch {
		case !m.maybe(name):
			continue
		case m.escaped || c.base.Edited(int(m.at), int(m.end)):
			return -1, false, false
		case string(text[m.at+1:m.colon-1]) != name:
			continue
		case found >= 0:
			return -1, false, true
		}
		found = i
	}
	return found, true, found >= 0 || c.base.Added(c.membersEnd()) == nil
}

// membersEnd returns the index after the last member of the batch, or after the
// opening brace.
func (c *content) membersEnd() int {
	if n := len(c.members); n > 0 {
		return int(c.members[n-1].end)
	}
	return c.start() + 1
}
