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

	"github.com/eventferry/eventferry/batch/internal/jsontext"
	"github.com/eventferry/eventferry/batch/internal/splice"
)

var (
	errUTF8   = errors.New("batch: set: string is not valid UTF-8")
	errBytes  = errors.New("batch: set: []byte is ambiguous: convert it to string or json.RawMessage")
	errNumber = errors.New("batch: set: json.Number is not a number")
	errLong   = errors.New("batch: set: value longer than 2 GiB")
	errNone   = errors.New("batch: set: the value to copy does not exist")
)

// An encoded value is JSON text.
type encoded struct {
	text   []byte
	depth  int  // how deep it is nested
	shared bool // text is a part of what was encoded, and not ours to keep
}

// encode returns x as JSON text.
func encode(x any) (e encoded, err error) {
	switch x := x.(type) {
	case nil:
		return encoded{text: []byte("null")}, nil
	case string:
		if !utf8.ValidString(x) {
			return e, errUTF8
		}
		return encoded{text: jsontext.AppendQuoted(make([]byte, 0, jsontext.QuotedSize(x)), x)}, nil
	case bool:
		return encoded{text: strconv.AppendBool(nil, x)}, nil
	case int:
		return encoded{text: strconv.AppendInt(nil, int64(x), 10)}, nil
	case int64:
		return encoded{text: strconv.AppendInt(nil, x, 10)}, nil
	case []byte:
		return e, errBytes
	case Value:
		if e = (encoded{text: x.Raw(), shared: true}); e.text == nil {
			return e, errNone
		}
	case json.RawMessage:
		if len(x) > splice.MaxText {
			return e, errLong
		}
		e = encoded{text: x, shared: true}
	case json.Number:
		if x == "" {
			x = "0" // as in encoding/json
		}
		if e.text = []byte(x); jsontext.SkipNumber(e.text, 0) != len(e.text) {
			return e, errNumber
		}
	default:
		if plain, ok := underlying(x); ok {
			return encode(plain)
		}
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(x); err != nil {
			return e, &encodeError{reasonNotEncoded(x, err), err}
		}
		e.text = buf.Bytes()
	}
	e.text, e.depth, err = check(e.text)
	return e, err
}

// underlying unwraps pointers and named string or []byte types to a type that encode
// handles. Types with a marshaler of their own are left alone.
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

// taken reports whether encode handles the type itself.
func taken(t reflect.Type) bool {
	return t == reflect.TypeFor[json.Number]() || t == reflect.TypeFor[json.RawMessage]() || t == reflect.TypeFor[Value]()
}

func writesItself(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// An encodeError says why encoding/json did not encode a value. It wraps the cause
// and does not print it, as some causes quote the value.
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

// check returns text without the white space around it, and how deep it is nested,
// if it is one JSON value.
func check(text []byte) ([]byte, int, error) {
	if jsontext.ByteAt(text, 0) == '"' {
		if end, _ := jsontext.SkipString(text, 0); end == len(text) {
			return text, 0, nil
		}
	}
	start := jsontext.SkipSpace(text, 0)
	p := parser{text: text, indexer: indexer{depth: noWatch}}
	end := p.value(start)
	if end < 0 {
		err := explain(text, ^end)
		return nil, 0, fmt.Errorf("batch: set: %s at byte %d of the value", err.Reason, err.Offset)
	}
	if i := jsontext.SkipSpace(text, end); i < len(text) {
		return nil, 0, fmt.Errorf("batch: set: data after the value at byte %d of it", i)
	}
	return text[start:end:end], jsontext.Depth(text), nil
}
