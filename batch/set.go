package batch

import (
	"slices"
	"unicode/utf8"
)

// Set puts x there: in the place of what is there, or as a new member behind
// the others of its object. Parents that are missing or null become objects; it
// is an error when a parent is anything else. Of repeated members one is left.
//
// x becomes JSON text as with json.Marshal, but <, > and & stay as they are.
// (Inside other values json.Marshal replaces what is not valid UTF-8.)
// A [json.RawMessage] is taken as it is and a [Value] as it reads now; both are
// copied. Errors are: a string that is not valid UTF-8, a NaN or an infinity,
// and a []byte, as it might mean text or base64 or JSON: convert it to string
// or json.RawMessage. Types made of string and []byte are taken as these, unless
// they have a method for encoding/json, and pointers as what they point to.
//
// After an error nothing has changed. The text of an error has nothing of x in it;
// what encoding/json said can be unwrapped.
//
// It refuses to set mpid and the events as a whole, an event_type to anything
// but a string, and what would nest more than 1,000 objects and arrays.
func (v Value) Set(x any) error {
	if v.b == nil {
		return errNoBatch
	}
	whole := v.whole()
	if err := whole.fixed(); err != nil {
		return err
	}
	text, depth, err := encode(x)
	if err != nil {
		return err
	}
	if whole == eventType && text[0] != '"' {
		return errEventType
	}
	if v.depth+len(v.path)+depth > maxDepth {
		return errDepth
	}
	t, err := v.target()
	if err != nil {
		return err
	}
	if text, err = t.wrap(text); err != nil {
		return err
	}
	if whole == eventType {
		v.b.retyped = true
	}
	first := t.insert && v.of == nil && len(v.path) == 1 // there is one parent, without such a member
	if !v.element && !first {
		v.remove(t.at)
	}
	if t.insert {
		v.b.insert(t.at, t.name, text)
	} else {
		v.b.replace(t.at, text)
		if v.of != nil && !v.element {
			v.siblings.edits = v.b.edits // that was no news to them
		}
	}
	return nil
}

// A target is where to put a new value.
type target struct {
	at     place // of a value to replace, or of the object to insert a member into
	insert bool
	name   string   // of that member
	below  []string // names of members to wrap the new value into
}

// target finds out where Set has to put the value.
func (v *Value) target() (target, error) {
	at, path := v.toRead()
	if at.doc == nil {
		at, path = v.root, v.path
	}
	if v.of != nil {
		if _, ok := v.root.now(); ok {
			return target{at: v.root}, nil
		} else if v.element {
			return target{}, errGone
		}
		at, path = v.of.root, append(slices.Clip(v.of.path), v.name)
	}
	for i, name := range path {
		p, ok := at.now()
		if !ok {
			return target{}, errGone
		}
		switch v.b.first(p) {
		case 'n':
			return target{at: at, below: path[i:]}, nil
		case '{':
		default:
			return target{}, errParent
		}
		if at, ok = v.b.last(p, name); !ok {
			return target{at: p, insert: true, name: name, below: path[i+1:]}, nil
		}
	}
	return target{at: at}, nil
}

// wrap puts text into the objects that are missing around it.
func (t *target) wrap(text []byte) ([]byte, error) {
	if !utf8.ValidString(t.name) {
		return nil, errUTF8
	}
	if len(t.below) == 0 {
		return text, nil
	}
	var wrapped []byte
	for _, name := range t.below {
		if !utf8.ValidString(name) {
			return nil, errUTF8
		}
		wrapped = append(appendQuoted(append(wrapped, '{'), name), ':')
	}
	wrapped = append(wrapped, text...)
	for range t.below {
		wrapped = append(wrapped, '}')
	}
	return wrapped, nil
}

// replace puts text in the place of the value at p.
func (b *Batch) replace(p place, text []byte) {
	b.changed()
	value := &document{text: text, in: p.doc}
	if s := p.doc.covering(p.pos); s != nil {
		s.drop()
		s.value = value
		return
	}
	p.doc.put(splice{start: p.pos, end: p.end(), value: value})
}

// insert adds a member to the object at p.
func (b *Batch) insert(p place, name string, text []byte) {
	b.changed()
	c := b.entries(p)
	comma := false
	for c.scan() {
		comma = comma || !c.cut()
	}
	if i, ok := p.doc.addedAt(c.end); ok {
		p.doc.splices.at(i).added.add(addition{name, &document{text: text, in: p.doc}})
	} else {
		p.doc.splices.insert(i, splice{start: c.end, end: c.end, added: newAdditions(comma, name, text, p.doc)})
	}
}
