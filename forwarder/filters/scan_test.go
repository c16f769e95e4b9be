package filters

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzScan reads objects and strings with the scanner and with encoding/json.
func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"a":1,"b\\":"\"}","c":{"d":[1,{"e":null}]},"\u0061":"\ud83d\ude00\ud83d\n\/"}`))
	f.Add([]byte(" { \"a\" : [ ] , \"b\" : \"\\\\\" } "))
	f.Add([]byte(`{"a long name with an \"escape\"":"` + "\u00e9\u4e16" + `","x":-1.5e3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole json.RawMessage
		if json.Unmarshal(data, &whole) != nil || !isObjectText(whole) || !utf8.Valid(whole) {
			return
		}
		var want map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(whole, &want))
		got := map[string]json.RawMessage{}
		for s := scanMembers(whole); s.next(); {
			got[string(s.plainName())] = json.RawMessage(s.value)
		}
		require.Equal(t, want, got)
		for _, value := range got {
			var text string
			if isStringText(value) && json.Unmarshal(value, &text) == nil {
				unescaped, ok := textOf(value)
				assert.True(t, ok)
				assert.Equal(t, text, string(unescaped))
			}
			var elements []json.RawMessage
			if isArrayText(value) && json.Unmarshal(value, &elements) == nil {
				var list []json.RawMessage
				for e := range elementsOf(value) {
					list = append(list, e)
				}
				assert.Equal(t, len(elements), len(list))
				for i := range list {
					assert.Equal(t, string(elements[i]), string(list[i]))
				}
			}
		}
	})
}

// The scanner is for text that package batch has checked. Any other text ends it
// and is not read beyond its end.
func FuzzScan_anyText(f *testing.F) {
	f.Add([]byte(`{"a":"b`))
	f.Add([]byte(`{"a"`))
	f.Add([]byte(`{"a":[{`))
	f.Add([]byte(`{"\u12`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		for s := scanMembers(data); s.next(); {
			s.plainName()
			textOf(s.value)
			for range elementsOf(s.value) {
			}
		}
	})
}
