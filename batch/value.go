package batch

// A Value is what is at one place of a batch: where to look, not what was found
// there. Each method looks anew, so a value follows the edits of its batch. When
// nothing is there, Exists reports false and the other methods return nothing.
//
// When members are repeated, reading finds the last one, as most readers of
// JSON do; Remove removes all of them, Set leaves one, and All visits what each
// of them holds.
type Value struct {
	b     *Batch
	root  place    // where the path begins
	kind  kind     // what is at the root
	event int      // 1 + the index of the event that the root is, if it came from Events
	depth int      // how many containers enclose the root
	path  []string // member names

	// A value that All yielded knows from what: it is at root, as an element of
	// an array or as a member of that name, and its path is empty.
	of         *Value
	siblings   *siblings
	open, prev int // see document.cutEntry
	added      bool
	element    bool
	name       string
}

// A kind says which values an edit must leave alone.
type kind uint8

const (
	anything kind = iota
	batchObject
	userID
	eventsMember
	eventObject
	eventType
)

// member returns the kind of a member of a value of this kind.
func (k kind) member(name string) kind {
	switch {
	case k == batchObject && name == "mpid", k == userID:
		return userID
	case k == batchObject && name == "events", k == eventsMember:
		return eventsMember
	case k == eventObject && name == "event_type", k == eventType:
		return eventType
	}
	return anything
}

// At returns the value at a path of member names, each of them exactly as it
// reads after unescaping: At("context", "location"). A dot is an ordinary
// character of a name. Elements of arrays have no names; All visits them. At
// itself does not look for anything, and keeps path.
func (b *Batch) At(path ...string) Value {
	return Value{b: b, root: place{&b.base, b.start()}, kind: batchObject, path: path}
}

// At returns the value at a path of member names that begins at v.
func (v Value) At(path ...string) Value {
	if len(path) == 0 || v.b == nil {
		return v
	}
	if len(v.path) > 0 {
		path = append(v.path[:len(v.path):len(v.path)], path...)
	}
	v.of, v.siblings, v.element, v.name, v.path = nil, nil, false, "", path
	return v
}

// entry returns what All knows of the value that it yielded.
func (v *Value) entry() entry { return entry{v.root, v.open, v.prev, v.added} }

// whole returns the kind of the value itself.
func (v *Value) whole() kind {
	k := v.kind
	for i := 0; i < len(v.path) && k != anything; i++ {
		k = k.member(v.path[i])
	}
	return k
}

// find returns the place of the value, as it is after edits.
func (v *Value) find() (place, bool) {
	at, path := v.toRead()
	p, ok := at.now()
	for i := 0; i < len(path) && ok; i++ {
		p, ok = v.b.last(p, path[i])
		if ok {
			p, ok = p.now()
		}
	}
	return p, ok
}

// last returns the place of the last member with that name of the value at p.
func (b *Batch) last(p place, name string) (last place, ok bool) {
	if b.first(p) != '{' {
		return p, false
	}
	c := b.entries(p)
	for c.nextNamed(name) {
		last, ok = c.place(), true
	}
	return last, ok
}

// Exists tells whether there is a value. A null is one.
func (v Value) Exists() bool {
	_, ok := v.find()
	return ok
}

// Raw returns the value's JSON text, or nil. It may share memory with the
// batch: do not write to it.
func (v Value) Raw() []byte {
	p, ok := v.find()
	if !ok {
		return nil
	}
	end := p.end()
	if i := p.doc.after(p.pos); i < p.doc.splices.len() && p.doc.splices.at(i).start < end {
		return p.doc.append(nil, p.pos, end)
	}
	return p.doc.text[p.pos:end:end]
}

// Text returns the text of a string, unescaped. Half of a surrogate pair reads
// as U+FFFD.
func (v Value) Text() (string, bool) {
	p, ok := v.find()
	if !ok || p.first() != '"' {
		return "", false
	}
	return string(unquote(p.doc.text[p.pos:p.end()])), true
}

// Int64 returns the value of an integer, written as a number or in quotes as
// mParticle writes 64-bit integers. It reports false for all else, numbers with
// a fraction or an exponent included.
func (v Value) Int64() (int64, bool) {
	p, ok := v.find()
	if !ok {
		return 0, false
	}
	raw := p.doc.text[p.pos:p.end()]
	if raw[0] == '"' {
		raw = unquote(raw)
	}
	return parseInt(raw)
}

// Bool returns the value of true or false.
func (v Value) Bool() (value, ok bool) {
	p, ok := v.find()
	if !ok {
		return false, false
	}
	return p.first() == 't', p.first() == 't' || p.first() == 'f'
}
