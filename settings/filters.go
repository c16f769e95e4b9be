package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"unicode/utf8"
)

// A FilterList is the JSON text of [Settings.Filters]: a list of objects, each
// with one member, whose name is that of a filter. It is kept as text: package
// forwarder/filters builds the filters and finds mistakes in them. Do not write to
// it.
type FilterList []byte

var errNotFilters = errors.New("must be a JSON list of objects with one member each, the name of a filter")

// String returns the text.
func (l FilterList) String() string { return string(l) }

// MarshalJSON returns the text, or null of an unset list.
func (l FilterList) MarshalJSON() ([]byte, error) {
	if len(l) == 0 {
		return []byte("null"), nil
	}
	return l, nil
}

// UnmarshalText takes JSON text, without white space between its values. An empty
// list is unset.
func (l *FilterList) UnmarshalText(text []byte) error {
	if !isFilterList(text) {
		return errNotFilters
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return errNotFilters
	}
	*l = compact.Bytes()
	if string(*l) == "[]" {
		*l = nil
	}
	return nil
}

// UnmarshalJSON does what UnmarshalText does; null leaves the list as it was.
func (l *FilterList) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil // as in encoding/json
	}
	return l.UnmarshalText(data)
}

// Check reports whether the text is a list of objects with one member each, as
// [Settings.Validate] does. An unset list is none.
func (l FilterList) Check() error {
	if len(l) > 0 && !isFilterList(l) {
		return errNotFilters
	}
	return nil
}

// isFilterList reports whether text is a list of objects with one member each.
func isFilterList(text []byte) bool {
	var list []map[string]json.RawMessage
	if !utf8.Valid(text) || json.Unmarshal(text, &list) != nil || list == nil {
		return false
	}
	return !slices.ContainsFunc(list, func(element map[string]json.RawMessage) bool { return len(element) != 1 })
}
