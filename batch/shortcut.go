package batch

// Most of what is looked for in an event is in its data, and the index says
// where in the text that is, and where in it some members are. The methods here
// find out what edits have left of that.

// toRead returns where to begin looking for the last value at v's path, and what
// is left of the path there. A place without a document is nowhere.
func (v *Value) toRead() (at place, left []string) {
	if !v.inData(v.path) {
		return v.root, v.path
	}
	b, left := v.b, v.path[1:]
	e := &b.events[v.event-1]
	edited := b.edited(e)
	at, known := b.data(e, edited)
	if !known {
		return v.root, v.path
	}
	if len(left) > 0 && at.doc != nil {
		if n, ok := e.named(left[0]); ok {
			if member, known := b.member(e, n, left[0], edited); known {
				return member, left[1:]
			}
		}
	}
	return at, left
}

// toEach returns where to begin looking for all values at a path from v's root,
// and what is left of the path there.
func (v *Value) toEach(path []string) (at place, left []string) {
	if v.inData(path) {
		e := &v.b.events[v.event-1]
		if at, known := v.b.data(e, v.b.edited(e)); known && !e.data.at.repeated() {
			return at, path[1:]
		}
	}
	return v.root, path
}

// inData tells whether the path from v's root leads to the data of an event, or
// into it.
func (v *Value) inData(path []string) bool {
	return v.event > 0 && len(path) > 0 && path[0] == "data"
}

// removeNoted removes the member of a holder, if the index knows that there is
// only one of it, or none.
func (v *Value) removeNoted(keep place) (done bool) {
	switch {
	case len(v.path) != 2:
		return false
	case v.kind == batchObject:
		h := v.b.holder(v.path[0], v.path[1])
		return h != nil && v.b.removeHeld(h, keep)
	case v.inData(v.path) && v.path[1] == "location":
		return v.b.removeLocation(&v.b.events[v.event-1], keep)
	}
	return false
}

// holder returns what was noted down of a member of the batch and the member of
// that, or nil if nothing was.
func (b *Batch) holder(name, member string) *holder {
	switch {
	case name == "context" && member == "location":
		return &b.context
	case name == "device_info" && member == "device":
		return &b.device
	}
	return nil
}

// removeHeld removes the member of a holder in which there were no edits. It
// looks at the text only when that is the first one, as then the comma goes that
// comes next.
func (b *Batch) removeHeld(h *holder, keep place) (done bool) {
	if h.end == 0 || h.at.repeated() || h.value.repeated() {
		return false
	}
	open := h.at.pos()
	prev, known := h.prev()
	i, edited := b.base.edited(open, int(h.end))
	switch {
	case edited:
		return false
	case h.value == 0 || keep == place{&b.base, h.value.pos()}: // there is nothing to remove
	case !known:
		return false
	case prev == open+1:
		b.base.cutEntry(open, prev, int(h.valueEnd))
	default:
		b.base.splices.insert(i, splice{start: prev, end: int(h.valueEnd)})
	}
	return true
}

// removeLocation removes the location from the data of an event.
func (b *Batch) removeLocation(e *eventSpan, keep place) (done bool) {
	h := &e.data
	if b.removeHeld(h, keep) {
		return true
	}
	prev, ok := h.prev()
	if h.at.repeated() || h.value.repeated() || h.value != 0 && !ok {
		return false
	}
	edited := b.edited(e)
	at, known := b.data(e, edited)
	if !known || at.doc == nil {
		return known
	}
	member, known := b.member(e, h.value, "location", edited)
	if known && member.doc != nil && member != keep {
		b.base.cutEntry(at.pos, prev, int(h.valueEnd))
	}
	return known
}

// edited tells whether there were edits in the event.
func (b *Batch) edited(e *eventSpan) bool {
	_, edited := b.base.edited(int(e.start), int(e.end))
	return edited
}

// data returns the place of an event's last member data, if the index knows it.
func (b *Batch) data(e *eventSpan, edited bool) (at place, known bool) {
	return b.still(e.data.at, e.end, "data", edited)
}

// member returns the place of the last member of that name in an event's data,
// which was noted down as n, if the index knows it. The data is where data says.
func (b *Batch) member(e *eventSpan, n noted, name string, edited bool) (at place, known bool) {
	if edited && (e.data.end == 0 || b.base.covering(e.data.at.pos()) != nil) {
		return place{}, false // it may be another one now
	}
	return b.still(n, e.data.end, name, edited)
}

// still returns the place of the last member of that name, which was noted down
// as n in the object that ends at end, and nowhere when there was none or it was
// removed. It does not know when edits may have left another one.
func (b *Batch) still(n noted, end int32, name string, edited bool) (at place, known bool) {
	if n != 0 {
		at = place{&b.base, n.pos()}
	}
	if !edited {
		return at, true
	}
	if b.base.adds(name, int(end)) {
		return place{}, false
	}
	if _, there := at.now(); there || n == 0 {
		return at, true
	}
	return place{}, !n.repeated()
}
