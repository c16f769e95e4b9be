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
	if len(text) > splice.MaxText {
		return errLong
	}
	if whole == eventType {
		v.b.retyped = true
	}
	alone := t.alone && v.of == nil && len(v.path) == 1 // there is one parent
	if !v.element && !alone {
		v.remove(t.at)
	}
	if t.insert {
		v.b.insert(t.at, t.name, text)
	} else {
		v.b.replace(t.at, text)
		if v.of != nil && !v.element {
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
	if v.of != nil {
		if _, ok := v.root.Now(); ok {
			return target{at: v.root}, nil
		} else if v.element {
			return target{}, errGone
		}
		at, path = v.of.root, append(slices.Clip(v.of.path), v.name)
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

// wrap returns text inside the objects that are missing around it.
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
		wrapped = append(jsontext.AppendQuoted(append(wrapped, '{'), name), ':')
	}
	wrapped = append(wrapped, text...)
	for range t.below {
		wrapped = append(wrapped, '}')
	}
	return wrapped, nil
}
