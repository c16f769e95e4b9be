package batch

// Sole returns the value's JSON text, as [Value.Raw] does, for a filter that
// decides about privacy. Readers of JSON disagree about which of several members
// of one name counts, so Sole reports false when the value or one of its parents
// is repeated. A value that does not exist is nil and true.
func (v Value) Sole() (raw []byte, ok bool) {
	if raw, ok, known := v.soleData(); known {
		return raw, ok
	}
	p, path := v.root, v.path
	if v.from == fromBatch && len(path) > 0 {
		switch i, ok, known := v.b.soleMember(path[0]); {
		case !known:
		case i < 0:
			return nil, ok
		default:
			m := &v.b.members[i]
			value := m.valueAt(v.b.base.Text())
			if path = path[1:]; len(path) == 0 {
				return v.b.base.Text()[value:m.end:m.end], true
			}
			p.Offset = value
		}
	}
	p, there := p.Now()
	for _, name := range path {
		if !there || v.b.first(p) != '{' {
			return nil, true
		}
		c := v.b.content.entries(p)
		if !c.nextNamed(name) {
			return nil, true
		}
		member := c.position()
		if c.nextNamed(name) {
			return nil, false
		}
		p, there = member.Now()
	}
	if !there {
		return nil, true
	}
	return v.rawAt(p), true
}

// soleData is Sole for the data of an event in which there were no edits: the
// index knows where that is and where it ends.
func (v *Value) soleData() (raw []byte, ok, known bool) {
	if len(v.path) != 1 || !v.from.inData(v.path) {
		return nil, false, false
	}
	return v.b.soleData(v.b.event(v.from))
}

// soleData returns the data of an event, and reports false when it is repeated.
func (c *content) soleData(e *eventSpan) (raw []byte, ok, known bool) {
	at := e.data.at
	switch {
	case c.edited(e):
		return nil, false, false
	case at.repeated():
		return nil, false, true
	case at == 0:
		return nil, true, true
	case e.data.end == 0:
		return nil, false, false
	}
	return c.base.Text()[at.offset():e.data.end:e.data.end], true, true
}
