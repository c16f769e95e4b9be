package batch

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readAll returns what Read yields: texts, and the error at the end.
func readAll(r io.Reader, maxBytes int) (texts []string, err error) {
	for b, e := range Read(r, maxBytes) {
		if err = e; err == nil {
			texts = append(texts, string(b.AppendJSON(nil)))
		}
	}
	return texts, err
}

func TestRead(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 10_000) + `"}`
	for _, tt := range []struct {
		name, text string
		max        int
		want       []string
		err        string
	}{
		{"nothing", "", 0, nil, ""},
		{"white space", " \n\n\t", 0, nil, ""},
		{"a line each", "{\"a\":1}\n{\"a\":2}\n", 0, []string{`{"a":1}`, `{"a":2}`}, ""},
		{"blank lines, no last newline", "\n{}\r\n\r\n{}", 0, []string{`{}`, `{}`}, ""},
		{"side by side", `{}{"a":[{}]}{}`, 0, []string{`{}`, `{"a":[{}]}`, `{}`}, ""},
		{"pretty-printed", "{\n  \"a\": 1\n}\n{\n}", 0, []string{"{\n  \"a\": 1\n}", "{\n}"}, ""},
		{"brackets in strings", `{"}":"\"{[\\"} {"a":"]"}`, 0, []string{`{"}":"\"{[\\"}`, `{"a":"]"}`}, ""},
		{"larger than a buffer", long + long, 0, []string{long, long}, ""},
		{"just small enough", `{"a":1} {"a":2}`, 7, []string{`{"a":1}`, `{"a":2}`}, ""},
		{"too large", `{"a":1} {"a":12}`, 7, []string{`{"a":1}`}, "batch: batch of more than 7 bytes at byte 8"},
		{"much too large", "{}" + long, 100, []string{`{}`}, "batch: batch of more than 100 bytes at byte 2"},
		{"too large because of a mistake", `{} {"a":[}` + long, 100, []string{`{}`}, "batch: not JSON (depth 2) at byte 9"},
		{"too large, and a character cut in two", `{"a":"xxé"}`, 9, nil, "batch: batch of more than 9 bytes at byte 0"},
		{"not JSON", "{}\n{\"a\":x}\n{}", 0, []string{`{}`}, "batch: not JSON (depth 1) at byte 8"},
		{"a bad user id", "{}\n{\"mpid\":x}\n{}", 0, []string{`{}`}, "batch: not JSON (depth 1) at byte 11"},
		{"text between", "{} null {}", 0, []string{`{}`}, "batch: not a JSON object at byte 3"},
		{"a list", "[{}]", 0, nil, "batch: not a JSON object at byte 0"},
		{"a byte order mark", "\ufeff{}", 0, nil, "batch: a byte order mark (depth 0) at byte 0"},
		{"an end too many", "{}}", 0, []string{`{}`}, "batch: not a JSON object at byte 2"},
		{"no end", "{}\n{\"a\":[1", 0, []string{`{}`}, "batch: unexpected end (depth 2) at byte 10"},
		{"no end of a string", "{\"a\":\"}\n{}", 0, nil, "batch: control character in a string (depth 1) at byte 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{
				strings.NewReader(tt.text),
				iotest.OneByteReader(strings.NewReader(tt.text)),
				iotest.DataErrReader(strings.NewReader(tt.text)),
			} {
				texts, err := readAll(r, tt.max)
				assert.Equal(t, tt.want, texts)
				if tt.err == "" {
					assert.NoError(t, err)
				} else {
					assert.EqualError(t, err, tt.err)
				}
			}
		})
	}
}

func TestRead_failingReader(t *testing.T) {
	broken := errors.New("broken")
	texts, err := readAll(io.MultiReader(strings.NewReader(`{} {"a":`), iotest.ErrReader(broken)), 0)
	assert.Equal(t, []string{`{}`}, texts)
	assert.ErrorIs(t, err, broken)
	assert.EqualError(t, err, "batch: reading at byte 8: broken")
}

// Without a limit it is that of Parse, or an object without an end would be
// collected for ever.
func TestRead_noLimit(t *testing.T) {
	for _, maxBytes := range []int{0, -1} {
		assert.Equal(t, math.MaxInt32, newStream(nil, maxBytes).max)
	}
	assert.Equal(t, 7, newStream(nil, 7).max)
}

func TestRead_readerThatReadsNothing(t *testing.T) {
	idle := func(n int) io.Reader {
		readers := []io.Reader{strings.NewReader(`{"a":`)}
		for range n {
			readers = append(readers, strings.NewReader(""))
		}
		return &oneEach{readers: append(readers, strings.NewReader(`1}`))}
	}
	texts, err := readAll(idle(99), 0)
	require.NoError(t, err)
	assert.Equal(t, []string{`{"a":1}`}, texts)

	_, err = readAll(idle(1000), 0)
	assert.ErrorIs(t, err, io.ErrNoProgress)
	assert.EqualError(t, err, "batch: reading at byte 5: "+io.ErrNoProgress.Error())
}

// oneEach reads once from each of its readers, and hides their ends.
type oneEach struct{ readers []io.Reader }

func (o *oneEach) Read(p []byte) (int, error) {
	if len(o.readers) == 0 {
		return 0, io.EOF
	}
	n, _ := o.readers[0].Read(p)
	o.readers = o.readers[1:]
	return n, nil
}

func TestRead_ownBytes(t *testing.T) {
	var all []*Batch
	for b, err := range Read(strings.NewReader(`{"a":1}{"a":2}{"a":3}`), 0) {
		require.NoError(t, err)
		all = append(all, b)
	}
	for i, b := range all {
		n, _ := b.At("a").Int64()
		assert.Equal(t, int64(i+1), n)
	}
}

func TestRead_stopsEarly(t *testing.T) {
	n := 0
	for _, err := range Read(strings.NewReader(`{}{}{}`), 0) {
		require.NoError(t, err)
		n++
		break
	}
	assert.Equal(t, 1, n)
}
