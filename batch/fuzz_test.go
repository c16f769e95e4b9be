package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func addBatches(f *testing.F, add func(text string)) {
	for _, text := range []string{
		`{}`, ` { } `, `{"events":[]}`, `{"events":null,"mpid":"0"}`,
		`{"events":[{"data":{"event_name":"a","location":{"latitude":1.50}},"event_type":"custom_event"},{"event_type":"x"}],"mpid":-7}`,
		"{\n\t\"a\" : [ 1 , { \"b\" : null } ] ,\r\n \"a\" : \"\\ud800\\/é\" }",
		`{"mp\u0069d":7,"mpid":"7","\u0065vents":[{"event_type":"x","event\u005ftype":"\u0078"}]}`,
		`{"a":{"b":1,"b":{"a":[[],{}]}},"a":null,"data":{"a":1},"a.b":2}`,
		`{"mpid":7,"mpid":8}`, `{"events":[{}]}`, `{"events":[1]}`, `{"events":{}}`, "{\"a\":\"\xff\"}", `{"a":01}`,
		`{"a":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}`,
	} {
		add(text)
	}
}

// FuzzParse compares Parse with encoding/json and a second writing of its rules.
func FuzzParse(f *testing.F) {
	addBatches(f, func(text string) { f.Add([]byte(text)) })
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		b, err := Parse(data)
		if good := isBatch(data); good != (err == nil) {
			t.Fatalf("error %v, good %v: %q", err, good, data)
		}
		if err != nil {
			var bad *Error
			require.ErrorAs(t, err, &bad)
			require.LessOrEqual(t, bad.Offset, int64(len(data)))
			require.GreaterOrEqual(t, bad.Offset, int64(0))
			return
		}
		require.Equal(t, before, data)
		require.Equal(t, string(data), string(b.AppendJSON(nil)))
		require.Equal(t, string(data), string(b.Clone().AppendJSON(nil)))
		require.Equal(t, len(data), b.Size())
	})
}

func isBatch(data []byte) bool {
	if !json.Valid(data) || !utf8.Valid(data) {
		return false
	}
	m, err := model(data)
	if err != nil || m.kind != '{' || m.depth() > maxDepth {
		return false
	}
	var ids, lists []*node
	for i, name := range m.names {
		switch name {
		case "mpid":
			ids = append(ids, m.entries[i])
		case "events":
			lists = append(lists, m.entries[i])
		}
	}
	for _, id := range ids {
		if n, ok := id.userID(); !ok {
			return false
		} else if first, _ := ids[0].userID(); n != first {
			return false
		}
	}
	if len(lists) > 1 || len(lists) == 1 && lists[0].kind != '[' && lists[0].kind != 'n' {
		return false
	}
	for _, list := range lists {
		for _, e := range list.entries {
			types := e.all([]string{"event_type"})
			if len(types) == 0 {
				return false
			}
			for _, eventType := range types {
				if eventType.kind != '"' || eventType.text != types[0].text {
					return false
				}
			}
		}
	}
	return true
}

func (n *node) depth() int {
	most := 0
	for _, e := range n.entries {
		most = max(most, e.depth())
	}
	if n.kind == '{' || n.kind == '[' {
		most++
	}
	return most
}

func (n *node) userID() (int64, bool) {
	switch {
	case n.kind == 'n', n.kind == '"' && n.text == "", n.text == "-0":
		return 0, true
	case n.kind == '"' || n.kind == '0':
		id, err := strconv.ParseInt(n.text, 10, 64)
		return id, err == nil && strconv.FormatInt(id, 10) == n.text
	}
	return 0, false
}

// FuzzEdit makes the edits that choices says, to a batch and to a model of it.
func FuzzEdit(f *testing.F) {
	addBatches(f, func(text string) {
		f.Add([]byte(text), []byte{2, 1, 0, 0, 3, 5, 1, 0, 2})
		f.Add([]byte(text), []byte{0, 0, 9, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	})
	f.Fuzz(func(t *testing.T, data, choices []byte) {
		if len(data) > 1000 || !isBatch(data) {
			return
		}
		w := newTwin(t, data)
		w.log = append(w.log, string(data))
		c := byteChooser(choices)
		for range min(30, len(choices)) {
			w.step(&c)
		}
		w.parts()
	})
}

// FuzzRead reads an object three times from a stream, be it a batch or refused, and
// anything else without trouble.
func FuzzRead(f *testing.F) {
	addBatches(f, func(text string) { f.Add([]byte(text), 0) })
	f.Add([]byte(`{}{"a":"}"}`), 5)
	f.Add([]byte(`{"mpid":"x","a":"}"}{"mpid":7}`), 100)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		whole, err := readAll(bytes.NewReader(data), limit)
		pieces, again := readAll(iotest.OneByteReader(bytes.NewReader(data)), limit)
		require.Equal(t, whole, pieces)
		require.Equal(t, err, again)
		if !json.Valid(data) || !utf8.Valid(data) || data[0] != '{' {
			return
		}
		_, refused := Parse(data)
		if bad, ok := errors.AsType[*Error](refused); ok && strings.HasPrefix(bad.Reason, "more than") {
			return // the end is beyond what is looked at
		}
		text := strings.TrimSpace(string(data))
		got, err := readAll(strings.NewReader(text+text+"\n"+text), 0)
		if refused != nil {
			require.Empty(t, got)
			var errs interface{ Unwrap() []error }
			require.ErrorAs(t, err, &errs)
			require.Len(t, errs.Unwrap(), 3)
			return
		}
		require.NoError(t, err)
		require.Equal(t, []string{text, text, text}, got)
	})
}

// FuzzQuote writes strings that encoding/json reads back.
func FuzzQuote(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\x1f\"\\/\b\f\n\r\té😀\u2028<>&\x7f")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := Parse([]byte(`{}`))
		require.NoError(t, err)
		err = b.At("a", text).Set(text)
		require.Equal(t, utf8.ValidString(text), err == nil)
		if err != nil {
			return
		}
		var got struct{ A map[string]string }
		out := b.AppendJSON(nil)
		require.NoError(t, json.Unmarshal(out, &got))
		assert.Equal(t, map[string]string{text: text}, got.A)
		assert.Equal(t, len(out), b.Size())
		read, ok := b.At("a", text).Text()
		assert.True(t, ok)
		assert.Equal(t, text, read)
		again, err := Parse(out)
		require.NoError(t, err)
		read, _ = again.At("a", text).Text()
		assert.Equal(t, text, read)
	})
}
