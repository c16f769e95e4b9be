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

// A kind is a type of JSON value, in words for errors.
type kind string

const (
	object  kind = "an object"
	list    kind = "a list"
	text    kind = "a string"
	boolean kind = "true or false"
	number  kind = "a number"
	null    kind = "null"
)

// kindOf is the kind of data that is valid JSON.
func kindOf(data []byte) kind {
	switch data = bytes.TrimLeft(data, " \t\r\n"); data[0] {
	case '{':
		return object
	case '[':
		return list
	case '"':
		return text
	case 't', 'f':
		return boolean
	case 'n':
		return null
	default:
		return number
	}
}

// kind is what the field looks like in JSON.
func (f field) kind() kind {
	switch f.value.Interface().(type) {
	case Toggle:
		return boolean
	case time.Duration:
		return text
	}
	switch f.value.Kind() {
	case reflect.Slice:
		return list
	case reflect.Int, reflect.Int64:
		return number
	default:
		return text
	}
}

func mustBe(want, got kind) string { return fmt.Sprintf("must be %s, not %s", want, got) }

// A decoder sets fields from data that is valid JSON.
type decoder struct {
	fields   []field
	mistakes []*FieldError
}

func (d *decoder) mistake(key, value, reason string) {
	d.mistakes = append(d.mistakes, &FieldError{Field: key, Value: value, Reason: reason})
}

// object reads the members of an object, each to the key with the prefix.
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
	switch got := kindOf(data); got {
	case object:
		d.object(key+".", data)
	case null:
	default:
		d.mistake(key, "", mustBe(object, got))
	}
}

func (d *decoder) member(key string, data []byte) {
	i := slices.IndexFunc(d.fields, func(f field) bool { return f.key == key })
	if i < 0 {
		d.unknown(key)
		return
	}
	f, got := d.fields[i], kindOf(data)
	switch want := f.kind(); {
	case got == null:
	case got == list && (want == list || key == "bootstrap_servers"):
		d.list(f, data)
	case got != want:
		d.mistake(key, "", mustBe(want, got))
	default:
		d.scalar(f, data)
	}
}

func (d *decoder) scalar(f field, data []byte) {
	shown, err := string(data), error(nil)
	if kindOf(data) == text {
		shown, err = unquote(data)
	}
	if err == nil {
		err = f.setText(shown)
	}
	if err != nil {
		d.mistake(f.key, f.shown(shown), err.Error())
	}
}

func (d *decoder) list(f field, data []byte) {
	elements, err := stringsOf(data)
	if err != nil {
		d.mistake(f.key, "", err.Error())
		return
	}
	f.setList(elements)
}

// unknown reports a key that no setting has, and the one that may be meant.
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

// unquote decodes a JSON string. The escape of half a surrogate pair would
// become a replacement character, and a password another one.
func unquote(data []byte) (string, error) {
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
		if got := kindOf(e); got != text {
			return nil, fmt.Errorf("must be a list of strings, element %d is %s", i, got)
		}
		s, err := unquote(e)
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
