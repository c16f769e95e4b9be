package batch

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readAll returns what Read yields: texts, and errors.
func readAll(r io.Reader, maxBytes int) (texts []string, err error) {
	var errs []error
	for b, e := range Read(r, maxBytes) {
		if e != nil {
			errs = append(errs, e)
		} else {
			texts = append(texts, string(b.AppendJSON(nil)))
		}
	}
	return texts, errors.Join(errs...)
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
		{"too large, behind a bad user id", `{"mpid":"x","a":"aaaaaaaaaaaaaaaa"} {"mpid":1}`, 20, nil, "batch: batch of more than 20 bytes at byte 0"},
		{"too large, behind an event that is none", `{} {"events":[1,"aaaaaaaaaaaaaaaa"]} {}`, 20, []string{`{}`}, "batch: batch of more than 20 bytes at byte 3"},
		{"too large, with two mistakes", `{"mpid":"x","a":x,"b":"aaaaaaaaaaaa"} {}`, 20, nil, "batch: not JSON (depth 1) at byte 16"},
		{"as deep as may be", strings.Repeat(`{"a":`, 999) + "{}" + strings.Repeat("}", 999) + "{}", 0,
			[]string{strings.Repeat(`{"a":`, 999) + "{}" + strings.Repeat("}", 999), "{}"}, ""},
		{"too deep", "{}" + strings.Repeat(`{"a":`, 1000) + "{}" + strings.Repeat("}", 1000) + "{}", 0,
			[]string{`{}`}, "batch: more than 1000 objects and arrays inside one another (depth 1000) at byte 5002"},
		{"too large, and a character cut in two", `{"a":"xxé"}`, 9, nil, "batch: batch of more than 9 bytes at byte 0"},
		{"not JSON", "{}\n{\"a\":x}\n{}", 0, []string{`{}`}, "batch: not JSON (depth 1) at byte 8"},
		{"a bad user id", "{}\n{\"mpid\":x}\n{}", 0, []string{`{}`}, "batch: not JSON (depth 1) at byte 11"},
		{"text between", "{} null {}", 0, []string{`{}`}, "batch: not a JSON object at byte 3"},
		{"a list", "[{}]", 0, nil, "batch: not a JSON object at byte 0"},
		{"a byte order mark", "\ufeff{}", 0, nil, "batch: a byte order mark at byte 0"},
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

// An object that is JSON and no batch has an end all the same: it is refused, and
// what comes behind it is read.
func TestRead_goesOnBehindRefusedObjects(t *testing.T) {
	for refused, want := range map[string]string{
		`{"mpid":"testMPID"}`:                            "batch: mpid: not a 64-bit integer at byte 15",
		`{"mpid":[{"}":"]"}]}`:                           "batch: mpid: neither an integer nor a string at byte 15",
		`{"events":{"a":[]}}`:                            "batch: events: neither an array nor null at byte 17",
		`{"events":[{"event_type":"x"},{"data":{}}]}`:    "batch: events[1].event_type: missing at byte 37",
		"{\n  \"events\": [ [ ] ]\n}":                    "batch: events[0]: not an object at byte 23",
		`{"mpid":1,"a":{"b":"\\\"}"},"mpid":2}`:          "batch: mpid: differs from the mpid before it at byte 42",
		`{"a":` + strings.Repeat("x", 5) + `,"mpid":{}}`: "", // no JSON
		`{"mpid":{},"a":1,}`:                             "", // refused before the mistake comes
		`{"mpid":"x","a":"` + "\xff" + `"}`:              "",
	} {
		for _, r := range []func(string) io.Reader{
			func(s string) io.Reader { return strings.NewReader(s) },
			func(s string) io.Reader { return iotest.OneByteReader(strings.NewReader(s)) },
		} {
			text := "{}\n    " + refused + `{"a":1}` + refused + "\n" + ` {"a":2}`
			texts, err := readAll(r(text), 0)
			if want == "" {
				assert.Equal(t, []string{`{}`}, texts, refused)
				var bad *Error
				require.ErrorAs(t, err, &bad, refused)
				continue
			}
			assert.Equal(t, []string{`{}`, `{"a":1}`, `{"a":2}`}, texts, refused)
			var errs interface{ Unwrap() []error }
			require.ErrorAs(t, err, &errs)
			require.Len(t, errs.Unwrap(), 2)
			var first, second *Error
			require.ErrorAs(t, errs.Unwrap()[0], &first)
			require.ErrorAs(t, errs.Unwrap()[1], &second)
			assert.EqualError(t, first, want)
			assert.Equal(t, first.Offset+int64(len(refused))+7, second.Offset, "the position in the stream")
			second.Offset = first.Offset
			assert.Equal(t, first, second)
		}
	}
	n := 0
	for _, err := range Read(strings.NewReader(`{"mpid":[]}{}{}`), 0) {
		require.Error(t, err)
		n++
		break
	}
	assert.Equal(t, 1, n)
}

// Where the limit cuts valid JSON, no matter in which token, the size is the reason.
func TestRead_cutAnywhere(t *testing.T) {
	for _, text := range []string{
		`{ "é\\\u00e9" : [ -1.5e+10 , true,false ,null,{},[ ] , "\ud83d\ude00 😀" ] }`,
		`{"mpid":-7,"events":[{"event_type":"x","data":{}}],"mpid":"-7"}`,
		`{"mpid":{"a":"é"},"events":[[1.25]],"events":{}}`,
		`{"events":[{"data":{}},{"event_type":1}],"mpid":7,"mpid":8}`,
	} {
		for limit := 1; limit < len(text); limit++ {
			for _, r := range []io.Reader{strings.NewReader(text + "{}"), iotest.OneByteReader(strings.NewReader(text + "{}"))} {
				texts, err := readAll(r, limit)
				assert.Empty(t, texts)
				assert.EqualError(t, err, fmt.Sprintf("batch: batch of more than %d bytes at byte 0", limit))
			}
		}
	}
}

// Only io.EOF itself is an end, as in package bufio: wrapped, it is why a
// connection broke.
func TestRead_wrappedEOF(t *testing.T) {
	reset := fmt.Errorf("connection reset: %w", io.EOF)
	for text, want := range map[string]string{
		`{}`:       "batch: reading at byte 2: connection reset: EOF",
		`{} {"a":`: "batch: reading at byte 8: connection reset: EOF",
	} {
		texts, err := readAll(io.MultiReader(strings.NewReader(text), iotest.ErrReader(reset)), 0)
		assert.Equal(t, []string{`{}`}, texts)
		assert.ErrorIs(t, err, reset)
		assert.EqualError(t, err, want)
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
