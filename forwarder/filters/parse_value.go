package filters

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/eventferry/eventferry/settings"
)

// object returns the members of an object by name. null counts as absent.
func (r *listReader) object(path string, value []byte, known ...string) map[string][]byte {
	if !isObjectText(value) {
		r.mistake(path, "must be an object")
		return nil
	}
	m := map[string][]byte{}
	seen := map[string]bool{}
	for s := scanMembers(value); s.next(); {
		name := string(s.plainName())
		switch {
		case !slices.Contains(known, name):
			r.mistake(path, "has an unknown member %.40q: it can have %s", name, strings.Join(known, ", "))
		case seen[name]:
			r.mistake(path+"."+name, "is there twice")
		case !isNothing(s.value):
			m[name] = s.value
		}
		seen[name] = true
	}
	return m
}

// require reports the members that are missing.
func (r *listReader) require(path string, m map[string][]byte, names ...string) {
	for _, name := range names {
		if m != nil && m[name] == nil {
			r.mistake(path+"."+name, "is required")
		}
	}
}

// text returns a string. No value is an empty one.
func (r *listReader) text(path string, value []byte) string {
	text, ok := nameText(nil, value)
	if !ok {
		r.mistake(path, "must be a string")
	}
	return string(text)
}

func (r *listReader) texts(path string, value []byte) []string {
	if !isArrayText(value) {
		if !isNothing(value) {
			r.mistake(path, "must be a list of strings")
		}
		return nil
	}
	list := []string{}
	for element := range elementsOf(value) {
		text, ok := textOf(element)
		if !ok {
			r.mistake(path, "must be a list of strings")
			return nil
		}
		list = append(list, string(text))
	}
	return list
}

// paths returns a list of lists of names.
func (r *listReader) paths(path string, value []byte) [][]string {
	if !isArrayText(value) {
		r.mistake(path, "must be a list of paths, each a list of names")
		return nil
	}
	var list [][]string
	i := 0
	for element := range elementsOf(value) {
		list = append(list, r.texts(path+"["+strconv.Itoa(i)+"]", element))
		i++
	}
	if len(list) == 0 {
		r.mistake(path, "names nothing")
	}
	return list
}

func (r *listReader) boolean(path string, value []byte) bool {
	switch string(value) {
	case "true":
		return true
	case "", "false":
	default:
		r.mistake(path, "must be true or false")
	}
	return false
}

func (r *listReader) number(path string, value []byte) float64 {
	if isNothing(value) {
		return 0
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		r.mistake(path, "must be a number")
	}
	return n
}

// maxFile bounds the files that filters read. The plans of mParticle have some
// 50 KB.
const maxFile = 16 << 20

// file returns the content of a file, and nil after a mistake.
func (r *listReader) file(path, name string) []byte {
	f, err := os.Open(name)
	if err != nil {
		r.fail(path, name, "cannot be read", withoutName(err))
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		r.fail(path, name, "cannot be read", withoutName(err))
		return nil
	case len(data) > maxFile:
		r.fail(path, name, "is too large", nil)
		return nil
	}
	return data
}

// secretFile returns the content of a file without the line ending at its end.
func (r *listReader) secretFile(path, name string) settings.Secret {
	text := r.file(path, name)
	if line, ok := bytes.CutSuffix(text, []byte("\n")); ok {
		text = bytes.TrimSuffix(line, []byte("\r"))
	}
	return settings.NewSecret(string(text))
}

// withoutName drops the file's name, which the mistake has already.
func withoutName(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
