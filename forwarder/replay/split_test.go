package replay

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cutAll returns the batches of a text, and what is none with a question mark before.
func cutAll(t *testing.T, r io.Reader, most int) (list []string) {
	t.Helper()
	s := newSplitter(r, 0, most)
	last := int64(0)
	for {
		p, err := s.next()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		require.GreaterOrEqual(t, p.start, last)
		require.Greater(t, p.end, p.start)
		last = p.end
		if p.batch != nil {
			list = append(list, string(p.batch.AppendJSON(nil)))
			require.Equal(t, int64(p.batch.Size()), p.end-p.start)
		} else {
			require.Error(t, p.reason)
			list = append(list, "?"+string(p.text))
		}
	}
}

func TestSplitter(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 200) + `"}`
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":                        {"", nil},
		"white space":                  {" \r\n\t\n", nil},
		"lines":                        {"{\"a\":1}\n{\"a\":2}\r\n\n{\"a\":3}", []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		"byte order mark":              {"\ufeff{\"a\":1}", []string{`{"a":1}`}},
		"one after the other":          {`{"a":1}{"a":2} {"a":"}{"}`, []string{`{"a":1}`, `{"a":2}`, `{"a":"}{"}`}},
		"array":                        {`[{"a":1},{"a":[2]}]`, []string{`{"a":1}`, `{"a":[2]}`}},
		"array in lines":               {"[\n{\"a\":1},\n{\"a\":2}]\n", []string{`{"a":1}`, `{"a":2}`}},
		"arrays one a line":            {"[{\"a\":1}]\n[]\n[{\"a\":2},{\"a\":3}]", []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		"pretty":                       {"{\n  \"a\": {\n    \"b\": [\n      {\n      }\n    ]\n  }\n}\n{\"a\":2}", []string{"{\n  \"a\": {\n    \"b\": [\n      {\n      }\n    ]\n  }\n}", `{"a":2}`}},
		"no object":                    {"nonsense\n{\"a\":1}", []string{"?nonsense", `{"a":1}`}},
		"zeros":                        {"\x00\x00\n{\"a\":1}", []string{"?\x00\x00", `{"a":1}`}},
		"a line that is cut off":       {"{\"a\":1,\"b\n{\"a\":2}\n{\"a\":3}", []string{`?{"a":1,"b`, `{"a":2}`, `{"a":3}`}},
		"cut off behind a value":       {"{\"a\":{\"b\":1\n{\"a\":2}\n{\"a\":3}", []string{`?{"a":{"b":1`, `{"a":2}`, `{"a":3}`}},
		"cut off behind a comma":       {"{\"a\":1,\n{\"a\":2}\n{\"a\":3}", []string{`?{"a":1,`, `{"a":2}`, `{"a":3}`}},
		"the end is missing":           {"{\"a\":1}\n{\"a\":", []string{`{"a":1}`, `?{"a":`}},
		"JSON and no batch":            {`{"mpid":"x"} {"a":2}`, []string{`?{"mpid":"x"}`, `{"a":2}`}},
		"JSON and no batch, in a line": {"{\"mpid\":true}\n{\"a\":2}", []string{`?{"mpid":true}`, `{"a":2}`}},
		"wrong inside":                 {"{\"a\":nope}\n{\"a\":2}", []string{`?{"a":nope}`, `{"a":2}`}},
		"too long":                     {long + "\n{\"a\":2}", []string{"?" + long, `{"a":2}`}},
		"brackets inside what is broken are no batches": {
			"{\n  \"a\": nope,\n  \"events\": [\n    {\n      \"b\": 1\n    }\n  ]\n}\n{\"a\":2}",
			[]string{"?{\n  \"a\": nope,\n  \"events\": [\n    {\n      \"b\": 1\n    }\n  ]\n}", `{"a":2}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, cutAll(t, strings.NewReader(c.text), 150))
			assert.Equal(t, c.want, cutAll(t, iotest.OneByteReader(strings.NewReader(c.text)), 150), "byte by byte")
		})
	}
}

// Whatever a file holds: cutting it ends, and does not depend on how it is read.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n[{\"b\":{}},{}]\nnope\n{\"c\":\"\\\"\"}{\"d\":\n{}"))
	f.Add([]byte("{\n \"a\": [\n{}\n]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		at := cutAll(t, bytes.NewReader(text), 50)
		assert.Equal(t, at, cutAll(t, iotest.OneByteReader(bytes.NewReader(text)), 50))
	})
}
