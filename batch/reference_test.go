package batch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A node is a slow and simple model of a JSON value, on top of encoding/json:
// what edits should do is said a second time here. It keeps order, repeated
// members and the text of numbers. Replacing a value keeps its node.
type node struct {
	kind    byte // '{', '[', '"', '0', 't', 'f' or 'n'
	text    string
	names   []string // of the members of an object
	entries []*node  // their values, or the elements of an array
}

func model(data []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	n, err := modelValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("more data: %w", err)
	}
	return n, nil
}

func modelValue(dec *json.Decoder) (*node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		n := &node{kind: byte(t)}
		for dec.More() {
			if t == '{' {
				name, err := dec.Token()
				if err != nil {
					return nil, err
				}
				n.names = append(n.names, fmt.Sprint(name))
			}
			entry, err := modelValue(dec)
			if err != nil {
				return nil, err
			}
			n.entries = append(n.entries, entry)
		}
		_, err := dec.Token()
		return n, err
	case string:
		return &node{kind: '"', text: t}, nil
	case json.Number:
		return &node{kind: '0', text: t.String()}, nil
	case bool:
		if t {
			return &node{kind: 't'}, nil
		}
		return &node{kind: 'f'}, nil
	}
	return &node{kind: 'n'}, nil
}

// String writes the value in a form that tells different values apart.
func (n *node) String() string {
	var s strings.Builder
	n.write(&s)
	return s.String()
}

func (n *node) write(s *strings.Builder) {
	s.WriteByte(n.kind)
	switch n.kind {
	case '{', '[':
		for i, e := range n.entries {
			if n.kind == '{' {
				fmt.Fprintf(s, "%q:", n.names[i])
			}
			e.write(s)
			s.WriteByte(',')
		}
		s.WriteByte(n.kind + 2)
	case '"':
		fmt.Fprintf(s, "%q", n.text)
	case '0':
		s.WriteString(n.text)
	}
}

// holds tells whether m is n or inside it.
func (n *node) holds(m *node) bool {
	return n == m || slices.ContainsFunc(n.entries, func(e *node) bool { return e.holds(m) })
}

// last returns the index of the last member of that name, or -1.
func (n *node) last(name string) int {
	for i := len(n.names) - 1; i >= 0; i-- {
		if n.names[i] == name {
			return i
		}
	}
	return -1
}

func (n *node) get(path []string) *node {
	for _, name := range path {
		i := n.last(name)
		if i < 0 {
			return nil
		}
		n = n.entries[i]
	}
	return n
}

// all returns every value at path.
func (n *node) all(path []string) []*node {
	if len(path) == 0 {
		return []*node{n}
	}
	var found []*node
	for i, name := range n.names {
		if name == path[0] {
			found = append(found, n.entries[i].all(path[1:])...)
		}
	}
	return found
}

func (n *node) delete(i int) {
	n.entries = slices.Delete(n.entries, i, i+1)
	if n.kind == '{' {
		n.names = slices.Delete(n.names, i, i+1)
	}
}

// remove removes every value at path but keep.
func (n *node) remove(path []string, keep *node) {
	for _, parent := range n.all(path[:len(path)-1]) {
		for i := len(parent.names) - 1; i >= 0; i-- {
			if parent.names[i] == path[len(path)-1] && parent.entries[i] != keep {
				parent.delete(i)
			}
		}
	}
}

// set puts value at path and tells whether that is possible.
func (n *node) set(path []string, value *node) bool {
	at := n
	for i, name := range path {
		if at.kind == 'n' {
			n.remove(path, nil)
			*at = *wrapped(path[i:], value)
			return true
		}
		if at.kind != '{' {
			return false
		}
		j := at.last(name)
		if j < 0 {
			n.remove(path, nil)
			at.names = append(at.names, name)
			at.entries = append(at.entries, wrapped(path[i+1:], value))
			return true
		}
		at = at.entries[j]
	}
	n.remove(path, at)
	*at = *value
	return true
}

func wrapped(names []string, value *node) *node {
	for _, name := range slices.Backward(names) {
		value = &node{kind: '{', names: []string{name}, entries: []*node{value}}
	}
	return value
}
