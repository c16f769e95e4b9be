package batch

import "unicode/utf8"

// Set puts x there: in the place of what is there, or as a new member behind
// the others of its object. Parents that are missing or null become objects; it
// is an error when a parent is anything else. Of repeated members one is left.
//
// x becomes JSON text as with json.Marshal, but <, > and & stay as they are.
// A [json.RawMessage] is taken as it is and a [Value] as it reads now; both are
// copied. Errors are: a string that is not valid UTF-8, a NaN or an infinity,
// and a []byte, as it might mean text or base64 or JSON: convert it to string
// or json.RawMessage.
//
// It refuses to set mpid and the events as a whole, an event_type to anything
// but a string, and what would nest more than 1,000 objects and arrays.
func (v Value) Set(x any) error {
	if v.b == nil {
		return errNoBatch
	}
	if err := v.fixed(); err != nil {
		return err
	}
	text, depth, err := encode(x)
	if err != nil {
		return err
	}
	if v.depth+len(v.path)+depth > maxDepth {
		return errDepth
	}
	if v.whole() == eventType {
		if text[0] != '"' {
			return errEventType
		}
		v.b.retyped = true
	}
	return v.set(text)
}

func (v *Value) set(text []byte) error {
	if p, ok := v.root.now(); ok && v.of != nil {
		_ = p
		if !v.element {
			v.remove(v.root)
		}
		v.b.replace(v.root, text)
		return nil
	}
	root, path := v.location()
	if _, ok := root.now(); !ok {
		return errGone
	}
	// Walk down to the value, or as far as there is something.
	at := root
	for i, name := range path {
		p, _ := at.now()
		switch p.first() {
		case 'n':
			text, err := nest(text, path[i:])
			if err == nil {
				v.remove(place{})
				v.b.replace(at, text)
			}
			return err
		case '{':
		default:
			return errParent
		}
		below, ok := v.b.last(p, name)
		if !ok {
			text, err := nest(text, path[i+1:])
			if err == nil && !utf8.ValidString(name) {
				err = errUTF8
			}
			if err == nil {
				v.remove(place{})
				v.b.insert(p, name, text)
			}
			return err
		}
		at = below
	}
	v.remove(at)
	v.b.replace(at, text)
	return nil
}

// nest wraps text into objects, one for each name.
func nest(text []byte, names []string) ([]byte, error) {
	var wrapped []byte
	for _, name := range names {
		if !utf8.ValidString(name) {
			return nil, errUTF8
		}
		wrapped = append(appendQuoted(append(wrapped, '{'), name), ':')
	}
	if wrapped == nil {
		return text, nil
	}
	wrapped = append(wrapped, text...)
	for range names {
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
	for c.next() {
		comma = comma || !c.cut()
	}
	m := addition{name: name, value: &document{text: text, in: p.doc}}
	i, ok := p.doc.addedAt(c.end)
	if !ok {
		p.doc.insert(i, splice{start: c.end, end: c.end, comma: comma})
	}
	s := &p.doc.splices[i]
	s.members = append(s.members, m)
}
