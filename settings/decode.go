package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A jsonKind is a type of JSON value, in words for errors.
type jsonKind string

const (
	jsonObject  jsonKind = "an object"
	jsonList    jsonKind = "a list"
	jsonString  jsonKind = "a string"
	jsonBoolean jsonKind = "true or false"
	jsonNumber  jsonKind = "a number"
	jsonNull    jsonKind = "null"
)

// jsonKindOf returns the kind of data, which must be valid JSON.
func jsonKindOf(data []byte) jsonKind {
	switch data = bytes.TrimLeft(data, " \t\r\n"); data[0] {
	case '{':
		return jsonObject
	case '[':
		return jsonList
	case '"':
		return jsonString
	case 't', 'f':
		return jsonBoolean
	case 'n':
		return jsonNull
	default:
		return jsonNumber
	}
}

// jsonKind returns the kind of the field's value in JSON.
func (f field) jsonKind() jsonKind {
	switch f.value.Interface().(type) {
	case Toggle:
		return jsonBoolean
	case time.Duration:
		return jsonString
	}
	switch f.value.Kind() {
	case reflect.Slice:
		return jsonList
	case reflect.Int, reflect.Int64:
		return jsonNumber
	default:
		return jsonString
	}
}

func mustBe(want, got jsonKind) string { return fmt.Sprintf("must be %s, not %s", want, got) }

// A decoder sets fields from data that is valid JSON.
type decoder struct {
	fields   []field
	mistakes []*FieldError
}

func (d *decoder) mistake(key, value, reason string) {
	d.mistakes = append(d.mistakes, &FieldError{Field: key, Value: value, Reason: reason})
}

// object sets the members of an object; prefix goes before their names.
func (d *decoder) object(prefix string, data []byte) {
	seen := make(map[string]bool)
	for name, value := range members(data) {
		// A dot would let "tls.ca_file" pass for ca_file within tls.
		switch key := prefix + name; {
		case seen[name]:
			d.mistake(printable(key), "", "is there twice")
		case strings.Contains(name, "."):
			d.unknown(key)
		case d.isGroup(key):
			d.group(key, value)
		default:
			d.member(key, value)
		}
		seen[name] = true
	}
}

func (d *decoder) isGroup(key string) bool {
	return slices.ContainsFunc(d.fields, func(f field) bool { return strings.HasPrefix(f.key, key+".") })
}

func (d *decoder) group(key string, data []byte) {
	switch got := jsonKindOf(data); got {
	case jsonObject:
		d.object(key+".", data)
	case jsonNull:
	default:
		d.mistake(key, "", mustBe(jsonObject, got))
	}
}

func (d *decoder) member(key string, data []byte) {
	i := slices.IndexFunc(d.fields, func(f field) bool { return f.key == key })
	if i < 0 {
		d.unknown(key)
		return
	}
	f, got := d.fields[i], jsonKindOf(data)
	switch want := f.jsonKind(); {
	case got == jsonNull:
	case got == jsonList && (want == jsonList || key == "bootstrap_servers"):
		d.list(f, data)
	case got != want:
		d.mistake(key, "", mustBe(want, got))
	default:
		d.scalar(f, data)
	}
}

func (d *decoder) scalar(f field, data []byte) {
	shown, err := string(data), error(nil)
	if jsonKindOf(data) == jsonString {
		shown, err = stringOf(data)
	}
	if err == nil {
		err = f.setText(shown)
	}
	if err != nil {
		d.mistake(f.key, f.shown(shown), err.Error())
	}
}

func (d *decoder) list(f field, data []byte) {
	if filters, ok := f.value.Addr().Interface().(*FilterList); ok {
		if err := filters.UnmarshalText(data); err != nil {
			d.mistake(f.key, "", err.Error())
		}
		return
	}
	elements, err := stringsOf(data)
	if err != nil {
		d.mistake(f.key, "", err.Error())
		return
	}
	f.setList(elements)
}

// unknown reports a key that no setting has, and suggests the one that may be
// meant.
func (d *decoder) unknown(key string) {
	reason := "is an unknown key"
	for _, f := range d.fields {
		group, name, grouped := strings.Cut(f.key, ".")
		switch meant := squash(key); {
		case grouped && (meant == squash(f.key) || meant == squash(name)):
			reason += fmt.Sprintf(": is it %s inside %s?", name, group)
		case meant == squash(f.key):
			reason += fmt.Sprintf(": is it %s?", f.key)
		}
	}
	d.mistake(printable(key), "", reason)
}

// squash makes TopicName, topic-name and topic_name the same.
func squash(key string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, key)
}

// printable returns key, quoted if it could break a line of a log.
func printable(key string) string {
	if len(key) <= 100 && onlyContains(key, "_-.") {
		return key
	}
	return fmt.Sprintf("%.100q", key)
}

// stringOf decodes a JSON string. Half a surrogate pair, escaped, would become a
// replacement character and silently change a password, so it is a mistake.
func stringOf(data []byte) (string, error) {
	var s string
	if err := json.Unmarshal(data, &s); err != nil || strings.ContainsRune(s, utf8.RuneError) {
		return "", errors.New(`must not hold "\ufffd", which stands for damaged text`)
	}
	return s, nil
}

// stringsOf decodes a JSON list of strings.
func stringsOf(data []byte) ([]string, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(data, &elements); err != nil {
		return nil, errors.New("must be a list of strings")
	}
	list := make([]string, len(elements))
	for i, e := range elements {
		if got := jsonKindOf(e); got != jsonString {
			return nil, fmt.Errorf("must be a list of strings, element %d is %s", i, got)
		}
		s, err := stringOf(e)
		if err != nil {
			return nil, err
		}
		list[i] = s
	}
	return list, nil
}

// members iterates over the members of a JSON object, duplicates included.
func members(data []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		dec := json.NewDecoder(bytes.NewReader(data))
		if _, err := dec.Token(); err != nil { // the brace
			return
		}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return
			}
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				return
			}
			if s, ok := name.(string); !ok || !yield(s, value) {
				return
			}
		}
	}
}
