// Package reachable finds text that printing a value could show. It is for
// tests that a secret cannot leave.
package reachable

import (
	"fmt"
	"reflect"
	"strings"
)

// Text returns where in v the text can be reached, in the way of packages that
// print by reflection: through pointers, interfaces, maps and unexported fields,
// without calling methods. They do not see into closures. It returns "" where
// text cannot be reached.
func Text(v any, text string) string {
	s := search{text: text, seen: map[visit]bool{}}
	return s.in(reflect.ValueOf(v), fmt.Sprintf("%T", v))
}

type search struct {
	text string
	seen map[visit]bool
}

// A visit keeps circles from being walked for ever. A struct and its first
// field have the same address.
type visit struct {
	pointer uintptr
	typ     reflect.Type
}

func (s search) in(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.String:
		if strings.Contains(v.String(), s.text) {
			return path
		}
	case reflect.Pointer:
		if at := (visit{v.Pointer(), v.Type()}); !v.IsNil() && !s.seen[at] {
			s.seen[at] = true
			return s.in(v.Elem(), "*"+path)
		}
	case reflect.Interface:
		return s.in(v.Elem(), path)
	case reflect.Struct:
		for field, value := range v.Fields() {
			if found := s.in(value, path+"."+field.Name); found != "" {
				return found
			}
		}
	case reflect.Map:
		at := visit{v.Pointer(), v.Type()}
		if s.seen[at] {
			return ""
		}
		s.seen[at] = true
		for key, value := range v.Seq2() {
			if found := s.in(key, path+" key"); found != "" {
				return found
			}
			if found := s.in(value, fmt.Sprintf("%s[%v]", path, key)); found != "" {
				return found
			}
		}
	case reflect.Slice, reflect.Array:
		return s.inList(v, path)
	default: // numbers, functions, channels
	}
	return ""
}

// inList searches the elements, and bytes as the text that they spell.
func (s search) inList(v reflect.Value, path string) string {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		text := make([]byte, v.Len())
		for i := range text {
			text[i] = byte(v.Index(i).Uint())
		}
		return s.in(reflect.ValueOf(string(text)), path)
	}
	for i := range v.Len() {
		if found := s.in(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); found != "" {
			return found
		}
	}
	return ""
}
