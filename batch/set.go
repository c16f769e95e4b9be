package batch

import (
	"slices"
	"unicode/utf8"

	"github.com/eventferry/eventferry/batch/internal/jsontext"
	"github.com/eventferry/eventferry/batch/internal/splice"
)

// Set replaces the value with x, or adds x as a new member behind the others of its
// object. Parents that are missing or null become objects; any other parent that is
// no object is an error. Of repeated members one is left.
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
// it wraps the error of encoding/json, which may have.
//
// It refuses to set mpid and the events as a whole, an event_type to anything
// but a string, what would nest more than 1,000 objects and arrays, and 2 GiB and
// more.
func (v Value) Set(x any) error {
	if v.b == nil {
		return errNoBatch
	}
	whole := v.whole()
	if err := whole.fixed(); err != nil {
		return err
	}
	e, err := encode(x)
	if err != nil {
		return err
	}
	if whole == eventType && e.text[0] != '"' {
		return errEventType
	}
	if int(v.depth)+len(v.path)+e.depth > maxDepth {
		return errDepth
	}
	t, err := v.target()
	if err != nil {
		return err
	}
	if err = t.wrap(&e); err != nil {
		return err
	}
	if len(e.text) > splice.MaxText {
		return errLong
	}
	if whole == eventType {
		v.b.retyped = true
	}
	alone := t.alone && !v.yielded() && len(v.path) == 1 // there is one parent
	if !v.element && !alone {
		v.remove(t.at)
	}
	if t.insert {
		v.b.insert(t.at, t.name, e.text, e.shared)
	} else {
		v.b.replace(t.at, e.text, e.shared)
		if v.group != nil {
			v.group.edits = v.b.edits // that was no news to them
		}
	}
	return nil
}

// A target is where to put a new value.
type target struct {
	at     splice.Position // of a value to replace, or of the object to insert a member into
	insert bool
	alone  bool     // the object that at is in or is has no other member of that name
	name   string   // of that member
	below  []string // names of members to wrap the new value into
}

// target returns where Set has to put the value.
func (v *Value) target() (target, error) {
	at, path := v.b.resolveLast(v.root, v.from, v.path)
	if at.Doc == nil {
		at, path = v.root, v.path
	}
	if v.yielded() {
		if _, ok := v.root.Now(); ok {
			return target{at: v.root}, nil
		} else if v.element {
			return target{}, errGone
		}
		at, path = v.group.root, append(slices.Clip(v.group.path), v.name)
	}
	alone := false
	for i, name := range path {
		p, ok := at.Now()
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
		last, found := v.b.lastForEdit(p, name)
		if found == 0 {
			return target{at: p, insert: true, alone: true, name: name, below: path[i+1:]}, nil
		}
		at, alone = last, found == 1
	}
	return target{at: at, alone: alone}, nil
}

// wrap puts the objects that are missing around e.
func (t *target) wrap(e *encoded) error {
	if !utf8.ValidString(t.name) {
		return errUTF8
	}
	if len(t.below) == 0 {
		return nil
	}
	var wrapped []byte
	for _, name := range t.below {
		if !utf8.ValidString(name) {
			return errUTF8
		}
		wrapped = append(jsontext.AppendQuoted(append(wrapped, '{'), name), ':')
	}
	wrapped = append(wrapped, e.text...)
	for range t.below {
		wrapped = append(wrapped, '}')
	}
	e.text, e.shared = wrapped, false
	return nil
}
