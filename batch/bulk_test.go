package batch

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseBulk(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 999) + "{}" + strings.Repeat("}", 999)
	for _, tt := range []struct {
		name, text string
		most       int
		want       []string // "" for one that is refused
		bad        string   // the errors of those
		err        string
	}{
		{name: "none", text: " [ \n] ", want: []string{}},
		{name: "one", text: `[{"mpid":1}]`, want: []string{`{"mpid":1}`}},
		{name: "white space", text: "\n[ {} ,\t{\"a\" : [1, \"]\"]}\r\n]\n", want: []string{"{}", `{"a" : [1, "]"]}`}},
		{name: "as many as may be", text: `[{},{}]`, most: 2, want: []string{"{}", "{}"}},
		{name: "as deep as one alone", text: "[" + deep + "]", want: []string{deep}},
		{name: "a bad one", text: `[{"mpid":1},{"mpid":1.5}, {"mpid":3},4]`, want: []string{`{"mpid":1}`, "", `{"mpid":3}`, ""},
			bad: "batch: [1]: mpid: not a 64-bit integer at byte 20\nbatch: [3]: not a JSON object at byte 37"},
		{name: "a bad event", text: `[{"events":[{"event_type":"x"},{}]}]`, want: []string{""},
			bad: "batch: [0]: events[1].event_type: missing at byte 31"},

		{name: "one too many", text: `[{},{},nonsense`, most: 2, err: "batch: more than 2 batches at byte 7"},
		{name: "nothing", text: "", err: "batch: not a JSON array at byte 0"},
		{name: "an object", text: " {}", err: "batch: not a JSON array at byte 1"},
		{name: "no end", text: "[", err: "batch: [0]: unexpected end at byte 1"},
		{name: "no end behind one", text: "[{} ", err: "batch: unexpected end at byte 4"},
		{name: "no end of one", text: `[{},{"a":[1`, err: "batch: [1]: unexpected end (depth 2) at byte 11"},
		{name: "no JSON", text: `[{},{"a":x}]`, err: "batch: [1]: not JSON (depth 1) at byte 9"},
		{name: "NaN", text: `[{"a":NaN}]`, err: "batch: [0]: not JSON (depth 1) at byte 6"},
		{name: "a comma too many", text: `[{},]`, err: "batch: [1]: not JSON at byte 4"},
		{name: "no comma", text: `[{} {}]`, err: "batch: neither a comma nor the end of the array at byte 4"},
		{name: "too deep", text: "[{}, " + `{"a":` + deep + "}]", err: "batch: [1]: more than 1000 objects and arrays inside one another (depth 1000) at byte 5005"},
		{name: "data behind", text: `[{}]]`, err: "batch: data after the array at byte 4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bs, bad, err := ParseBulk([]byte(tt.text), tt.most)
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				var whole *BulkError
				require.ErrorAs(t, err, &whole)
				var cause *Error
				require.ErrorAs(t, err, &cause)
				assert.Nil(t, bs)
				assert.Nil(t, bad)
				return
			}
			require.NoError(t, err)
			got := []string{}
			for i, b := range bs {
				if b == nil {
					assert.True(t, hasIndex(bad, i))
					got = append(got, "")
					continue
				}
				assert.False(t, hasIndex(bad, i))
				got = append(got, string(b.AppendJSON(nil)))
			}
			assert.Equal(t, tt.want, got)
			var texts []error
			for _, e := range bad {
				texts = append(texts, e)
				_, alone := Parse([]byte(tt.text[e.Start:e.End]))
				require.Error(t, alone)
				assert.NotContains(t, tt.text[e.Start:e.End], `"mpid":3`, "only that batch")
			}
			if tt.bad == "" {
				assert.Empty(t, bad)
			} else {
				assert.EqualError(t, errors.Join(texts...), tt.bad)
			}
		})
	}
}

func hasIndex(bad []*BulkError, i int) bool {
	for _, e := range bad {
		if e.Index == i {
			return true
		}
	}
	return false
}

// An edit of one batch does not show in its neighbours, though they share bytes.
func TestParseBulk_neighboursAreApart(t *testing.T) {
	bs, _, err := ParseBulk([]byte(`[{"a":1},{"a":2}]`), 0)
	require.NoError(t, err)
	require.NoError(t, bs[0].At("b").Set(strings.Repeat("x", 100)))
	require.NoError(t, bs[0].At("a").Remove())
	_ = append(bs[0].At("b").Raw(), "written behind it"...)
	assert.Equal(t, `{"a":2}`, string(bs[1].AppendJSON(nil)))
}

// FuzzParseBulk compares with Parse of each element: a bulk request gives what its
// elements give alone.
func FuzzParseBulk(f *testing.F) {
	for _, seed := range []string{`[]`, `[{}]`, `[{"mpid":1},{"mpid":"x"}]`, `[{"events":[{"event_type":"a"}]}, 1 ]`, `[{"a":"\u005d,"}]`, `[{},]`} {
		f.Add([]byte(seed), 2)
	}
	f.Fuzz(func(t *testing.T, data []byte, most int) {
		bs, bad, err := ParseBulk(data, most)
		if err != nil {
			require.Nil(t, bs)
			// Where an array in an object is JSON, only the number of its elements
			// or their depth can be wrong with it.
			if _, err := Parse(append(append([]byte(`{"a":`), data...), '}')); err == nil {
				require.Regexp(t, "more than|not a JSON array", parsedBulkError(t, data, most))
			}
			return
		}
		require.True(t, most <= 0 || len(bs) <= most)
		if len(data) < 900 { // else it may be deeper than a batch
			_, err := Parse(append(append([]byte(`{"a":`), data...), '}'))
			require.NoError(t, err, "it is JSON")
		}
		for i, b := range bs {
			require.Equal(t, b == nil, hasIndex(bad, i))
			if b != nil {
				text := b.AppendJSON(nil)
				again, err := Parse(text)
				require.NoError(t, err)
				id, _ := b.UserID()
				alone, _ := again.UserID()
				require.Equal(t, alone, id)
				require.Equal(t, again.NumEvents(), b.NumEvents())
			}
		}
	})
}

func parsedBulkError(t *testing.T, data []byte, most int) string {
	_, _, err := ParseBulk(data, most)
	require.Error(t, err)
	return err.Error()
}
