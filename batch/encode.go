package batch

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"
)

var (
	errUTF8   = errors.New("batch: set: string is not valid UTF-8")
	errBytes  = errors.New("batch: set: []byte is ambiguous: convert it to string or json.RawMessage")
	errNumber = errors.New("batch: set: json.Number is not a number")
	errNone   = errors.New("batch: set: the value to copy does not exist")
)

// encode returns x as JSON text, and how deep it is nested.
func encode(x any) (text []byte, depth int, err error) {
	switch x := x.(type) {
	case nil:
		return []byte("null"), 0, nil
	case string:
		if !utf8.ValidString(x) {
			return nil, 0, errUTF8
		}
		return appendQuoted(make([]byte, 0, quotedSize(x)), x), 0, nil
	case bool:
		return strconv.AppendBool(nil, x), 0, nil
	case int:
		return strconv.AppendInt(nil, int64(x), 10), 0, nil
	case int64:
		return strconv.AppendInt(nil, x, 10), 0, nil
	case []byte:
		return nil, 0, errBytes
	case Value:
		if text = bytes.Clone(x.Raw()); text == nil {
			return nil, 0, errNone
		}
	case json.RawMessage:
		text = bytes.Clone(x)
	case json.Number:
		if x == "" {
			x = "0" // as in encoding/json
		}
		if text = []byte(x); skipNumber(text, 0) != len(text) {
			return nil, 0, errNumber
		}
	default:
		if plain, ok := underlying(x); ok {
			return encode(plain)
		}
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(x); err != nil {
			return nil, 0, &encodeError{reasonNotEncoded(x, err), err}
		}
		text = buf.Bytes()
	}
	return check(text)
}

// underlying returns what a pointer leads to, or a value of a type of its own is
// made of, when that is one of those that encode looks at. It leaves alone what
// writes itself.
func underlying(x any) (plain any, ok bool) {
	const most = 8 // pointers may go round in a circle
	v := reflect.ValueOf(x)
	for range most {
		switch t := v.Type(); {
		case taken(t):
			return v.Interface(), true
		case t.Kind() == reflect.Pointer && taken(t.Elem()) && !v.IsNil(): // whatever methods it has
		case writesItself(t):
			return nil, false
		case t.Kind() == reflect.String:
			return v.String(), true
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !writesItself(reflect.PointerTo(t.Elem())):
			return v.Bytes(), true
		case t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface || v.IsNil():
			return nil, false
		}
		v = v.Elem()
	}
	return nil, false
}

// taken tells whether encode knows the type.
func taken(t reflect.Type) bool {
	return t == reflect.TypeFor[json.Number]() || t == reflect.TypeFor[json.RawMessage]() || t == reflect.TypeFor[Value]()
}

func writesItself(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// An encodeError says why encoding/json did not encode a value. It holds the
// cause without printing it, as some causes quote the value.
type encodeError struct {
	reason string
	cause  error
}

func (e *encodeError) Error() string { return "batch: set: " + e.reason }

func (e *encodeError) Unwrap() error { return e.cause }

func reasonNotEncoded(x any, err error) string {
	if e, ok := errors.AsType[*json.UnsupportedTypeError](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*json.UnsupportedValueError](err); ok {
		return e.Error() // says that it is NaN, infinite or a cycle
	}
	return fmt.Sprintf("a %T could not be encoded", x)
}

// check tells whether text is one JSON value, and how deep it is nested. White
// space around it is left out.
func check(text []byte) ([]byte, int, error) {
	start := skipSpace(text, 0)
	p := parser{s: text, notes: notes{depth: -1}}
	end := p.value(start)
	if end < 0 {
		err := explain(text, ^end)
		return nil, 0, fmt.Errorf("batch: set: %s at byte %d of the value", err.Reason, err.Offset)
	}
	if i := skipSpace(text, end); i < len(text) {
		return nil, 0, fmt.Errorf("batch: set: data after the value at byte %d of it", i)
	}
	return text[start:end:end], deepest(text), nil
}

// deepest returns how many containers enclose one another at most.
func deepest(text []byte) int {
	depth, most := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i, _ = skipString(text, i)
			i--
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most
}
