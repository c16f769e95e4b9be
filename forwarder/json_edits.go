package forwarder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// A jsonMember is one member of an object. Names may be repeated.
type jsonMember struct {
	name string
	text json.RawMessage
}

// jsonMembers returns the members of an object that package batch has written, and
// nil for everything else.
func jsonMembers(text []byte) []jsonMember {
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	members := []jsonMember{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil
		}
		m := jsonMember{name: fmt.Sprint(name)}
		if err := dec.Decode(&m.text); err != nil {
			return nil
		}
		members = append(members, m)
	}
	return members
}

// withoutMember returns an object without the members of that name.
func withoutMember(text []byte, name string) []byte {
	out := []byte{'{'}
	for _, m := range jsonMembers(text) {
		if m.name == name {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		quoted, _ := json.Marshal(m.name) //nolint:errchkjson // a string
		out = append(append(append(out, quoted...), ':'), m.text...)
	}
	return append(out, '}')
}

// jsonEdits lists how one JSON text became another, by path.
func jsonEdits(path string, before, after []byte) []Edit {
	if bytes.Equal(before, after) {
		return nil
	}
	from, to := jsonMembers(before), jsonMembers(after)
	if from != nil && to != nil {
		return memberEdits(path, from, to)
	}
	var fromList, toList []json.RawMessage
	if json.Unmarshal(before, &fromList) == nil && json.Unmarshal(after, &toList) == nil {
		if edits, ok := elementEdits(path, fromList, toList); ok {
			return edits
		}
	}
	return []Edit{{Kind: MemberChanged, Path: path, Before: before, After: after}}
}

// memberEdits pairs members by their names; of repeated ones the first with the
// first.
func memberEdits(path string, from, to []jsonMember) (edits []Edit) {
	left := slices.Clone(to)
	for _, m := range from {
		i := slices.IndexFunc(left, func(other jsonMember) bool { return other.name == m.name })
		if i < 0 {
			edits = append(edits, Edit{Kind: MemberRemoved, Path: memberPath(path, m.name), Before: m.text})
			continue
		}
		edits = append(edits, jsonEdits(memberPath(path, m.name), m.text, left[i].text)...)
		left = slices.Delete(left, i, i+1)
	}
	for _, m := range left {
		edits = append(edits, Edit{Kind: MemberAdded, Path: memberPath(path, m.name), After: m.text})
	}
	return edits
}

// elementEdits pairs elements by their positions, or finds out which were removed.
func elementEdits(path string, from, to []json.RawMessage) (edits []Edit, ok bool) {
	at := func(i int) string { return path + "[" + strconv.Itoa(i) + "]" }
	if len(from) == len(to) {
		for i := range from {
			edits = append(edits, jsonEdits(at(i), from[i], to[i])...)
		}
		return edits, true
	}
	for i, element := range from {
		if len(to) > 0 && bytes.Equal(element, to[0]) {
			to = to[1:]
			continue
		}
		edits = append(edits, Edit{Kind: MemberRemoved, Path: at(i), Before: element})
	}
	return edits, len(to) == 0
}

func memberPath(path, name string) string {
	if !regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]*$`).MatchString(name) {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}
