package batch

import (
	"github.com/eventferry/eventferry/batch/internal/jsontext"
	"github.com/eventferry/eventferry/batch/internal/splice"
)

// A Value is a place in a batch, not the data found there. Each method looks anew, so
// a value follows the edits of its batch. Where there is no value, Exists reports false and
// the other methods return nothing.
//
// Where members are repeated, reading finds the last one, as most readers of JSON
// do. Remove removes all of them, Set leaves one, and All visits the entries of each.
type Value struct {
	b     *Batch
	entry          // its root is where the path begins, the rest is for a value that All yielded
	from  origin   // what the index calls the root
	path  []string // member names
	depth int32    // how many containers enclose the root
	kind  kind     // of the root

	// A value that All yielded is at the root, and its path is empty. It is an element
	// of an array, or a member of that name, which knows its group.
	element bool
	group   *group
	name    string
}

// yielded reports whether All yielded the value.
func (v *Value) yielded() bool { return v.element || v.group != nil }

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
	return Value{b: b, entry: entry{root: b.root()}, from: fromBatch, kind: batchObject, path: path}
}

// At returns the value at a path of member names that begins at v.
func (v Value) At(path ...string) Value {
	if len(path) == 0 || v.b == nil {
		return v
	}
	if len(v.path) > 0 {
		path = append(v.path[:len(v.path):len(v.path)], path...)
	}
	v.group, v.element, v.name, v.path = nil, false, "", path
	return v
}

// whole returns the kind of the value itself.
func (v *Value) whole() kind {
	k := v.kind
	for i := 0; i < len(v.path) && k != anything; i++ {
		k = k.member(v.path[i])
	}
	return k
}

// find returns the position of the value, as it is after edits.
func (v *Value) find() (splice.Position, bool) {
	if v.b == nil {
		return splice.Position{}, false
	}
	at, path := v.b.resolveLast(v.root, v.from, v.path)
	p, ok := at.Now()
	for i := 0; i < len(path) && ok; i++ {
		p, ok = v.b.last(p, path[i])
		if ok {
			p, ok = p.Now()
		}
	}
	return p, ok
}

// Exists reports whether there is a value. A null is one.
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
	return v.rawAt(p)
}

// rawAt returns the JSON text of the value, which was found at p. That All has
// yielded it tells where it ends.
func (v *Value) rawAt(p splice.Position) []byte {
	if p == v.root && v.end > 0 {
		return p.RawTo(int(v.end))
	}
	return p.Raw()
}

// Offset returns where the value begins in the bytes that were parsed. It reports
// false where there is none, and for one that an edit has put there.
func (v Value) Offset() (int, bool) {
	p, ok := v.find()
	if !ok || v.b == nil || p.Doc != &v.b.base {
		return 0, false
	}
	return p.Offset, true
}

// Text returns the text of a string, unescaped. Half of a surrogate pair reads
// as U+FFFD.
func (v Value) Text() (string, bool) {
	p, ok := v.find()
	if !ok || p.First() != '"' {
		return "", false
	}
	return string(jsontext.Unquote(p.Raw())), true
}

// Int64 returns the value of an integer, written as a number or in quotes as
// mParticle writes 64-bit integers. It reports false for all else, numbers with
// a fraction or an exponent included.
func (v Value) Int64() (int64, bool) {
	p, ok := v.find()
	if !ok {
		return 0, false
	}
	raw := p.Raw()
	if raw[0] == '"' {
		raw = jsontext.Unquote(raw)
	}
	return jsontext.ParseInt(raw)
}

// Bool returns the value of true or false.
func (v Value) Bool() (value, ok bool) {
	p, ok := v.find()
	if !ok {
		return false, false
	}
	return p.First() == 't', p.First() == 't' || p.First() == 'f'
}
