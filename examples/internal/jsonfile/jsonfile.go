// Package jsonfile reads the configuration files of the example services.
package jsonfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Read reads a file of one JSON object into the struct that into points to, whose fields
// have names in their tags. Members that it does not know, and anything behind the
// object, are mistakes. Each mistake names its member, and all are told. No error quotes
// a value of the file, save where the value's own type does: there may be secrets in it.
func Read(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	members, err := split(data)
	if err != nil {
		return err
	}
	fields := map[string]any{}
	of := reflect.ValueOf(into).Elem()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = of.Field(i).Addr().Interface()
	}
	var mistakes []error
	for _, name := range slices.Sorted(maps.Keys(members)) {
		field, known := fields[name]
		if !known {
			mistakes = append(mistakes, fmt.Errorf("unknown member %q: there are %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
			continue
		}
		d := json.NewDecoder(bytes.NewReader(members[name]))
		d.DisallowUnknownFields()
		if err := d.Decode(field); err != nil {
			mistakes = append(mistakes, explain(name, err))
		}
	}
	return errors.Join(mistakes...)
}

// split returns the members of a JSON object. Of two with one name it has the last.
func split(data []byte) (members map[string]json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	err = d.Decode(&members)
	if at, ok := errors.AsType[*json.SyntaxError](err); ok { // its text quotes a byte
		return nil, fmt.Errorf("no valid JSON at byte %d", at.Offset)
	}
	if at, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil, fmt.Errorf("it is a JSON %s: it must be an object", kindIn(at))
	}
	if err != nil {
		return nil, fmt.Errorf("no valid JSON: %w", err)
	}
	end := d.InputOffset()
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something follows the JSON value, which ends at byte %d: remove it", end)
	}
	return members, nil
}

// explain puts the error of a member into the words of the file.
func explain(member string, err error) error {
	if at, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if at.Field != "" {
			member += "." + at.Field
		}
		kind, must := kindIn(at), wanted(at.Type)
		if kind == "number" && must == "a number" {
			must = "one that fits: a whole one, and not too large"
		}
		return fmt.Errorf("%s: is a JSON %s: it must be %s", member, kind, must)
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	if strings.HasPrefix(text, member+":") { // as those of the settings do
		return err
	}
	return fmt.Errorf("%s: %s", member, text)
}

// kindIn is what the file has. Some texts go on with a value.
func kindIn(at *json.UnmarshalTypeError) string {
	kind, _, _ := strings.Cut(at.Value, " ")
	return kind
}

// wanted says what a member must be.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Struct, reflect.Map:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()) {
			return "a string"
		}
		return "an object"
	default:
		return "a string"
	}
}
