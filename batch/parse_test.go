package batch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parsed(t testing.TB, text string) *Batch {
	t.Helper()
	b, err := Parse([]byte(text))
	require.NoError(t, err)
	return b
}

func TestParse_refuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		offset     int64
		member     string
		reason     string
	}{
		{"nothing", ``, 0, "", "unexpected end"},
		{"white space", " \n", 2, "", "unexpected end"},
		{"an array", ` [1]`, 1, "", "not a JSON object"},
		{"a string", `"{}"`, 0, "", "not a JSON object"},
		{"null", `null`, 0, "", "not a JSON object"},
		{"a bad array", `[1,]`, 3, "", "not JSON (depth 1)"},
		{"a byte order mark", "\ufeff{}", 0, "", "a byte order mark"},
		{"two objects", "{} {}", 3, "", "data after the batch"},
		{"no end", `{"a":[1,{"b":2`, 14, "", "unexpected end (depth 3)"},
		{"no end of a string", `{"a":"b`, 7, "", "unexpected end (depth 1)"},
		{"no end of a literal", `{"a":tru`, 8, "", "unexpected end (depth 1)"},
		{"no end of events", `{"events":`, 10, "", "unexpected end (depth 1)"},
		{"no end of an event_type", `{"events":[{"event_type":`, 25, "", "unexpected end (depth 3)"},
		{"no end of an mpid", `{"mpid":`, 8, "", "unexpected end (depth 1)"},
		{"a trailing comma", `{"a":1,}`, 7, "", "not JSON (depth 1)"},
		{"a comma first", `{,"a":1}`, 1, "", "not JSON (depth 1)"},
		{"no colon", `{"a" 1}`, 5, "", "not JSON (depth 1)"},
		{"brackets that do not match", `{"a":[1}`, 7, "", "not JSON (depth 2)"},
		{"a leading zero", `{"a":01}`, 6, "", "not JSON (depth 1)"},
		{"NaN", `{"a":NaN}`, 5, "", "not JSON (depth 1)"},
		{"a bad escape", `{"a":"\q"}`, 7, "", "bad escape in a string (depth 1)"},
		{"a short escape", `{"a":"\u12"}`, 10, "", "bad escape in a string (depth 1)"},
		{"a control character", "{\"a\":\"long enough \x01\"}", 18, "", "control character in a string (depth 1)"},
		{"a line break in a string", "{\"a\":\"\n\"}", 6, "", "control character in a string (depth 1)"},
		{"invalid UTF-8", "{\"a\":\"é long enough \xff\"}", 21, "", "invalid UTF-8 (depth 1)"},
		{"invalid UTF-8 in a name", "{\"\xc3\":1}", 2, "", "invalid UTF-8 (depth 1)"},
		{"invalid UTF-8 and no end", "{\"a\":\"\xff and more", 6, "", "invalid UTF-8 (depth 1)"},
		{"invalid UTF-8 and a bad escape", "{\"a\":\"\xff\\q\"}", 6, "", "invalid UTF-8 (depth 1)"},
		{"no end, and a character cut in two", "{\"a\":\"long enough \xc3", 19, "", "unexpected end (depth 1)"},
		{"an encoded surrogate", "{\"a\":\"\xed\xa0\x80\"}", 6, "", "invalid UTF-8 (depth 1)"},
		{"too deep", `{"a":` + strings.Repeat("[", 1000), 1004, "", "more than 1000 objects and arrays inside one another (depth 1000)"},

		{"mpid true", `{"mpid":true}`, 8, "mpid", "not a 64-bit integer"},
		{"mpid an array", `{"mpid":[7]}`, 8, "mpid", "neither an integer nor a string"},
		{"mpid a fraction", `{"mpid":7.0}`, 8, "mpid", "not a 64-bit integer"},
		{"mpid with an exponent", `{"mpid":7e3}`, 8, "mpid", "not a 64-bit integer"},
		{"mpid too large", `{"mpid":9223372036854775808}`, 8, "mpid", "not a 64-bit integer"},
		{"mpid too small", `{"mpid":"-9223372036854775809"}`, 8, "mpid", "not a 64-bit integer"},
		{"mpid text", `{"mpid":"seven"}`, 8, "mpid", "not a 64-bit integer"},
		{"mpid with a space", `{"mpid":" 7"}`, 8, "mpid", "not a 64-bit integer"},
		{"mpid with a plus", `{"mpid":"+7"}`, 8, "mpid", "not a 64-bit integer"},
		{"mpid with a leading zero", `{"mpid":"07"}`, 8, "mpid", "not a 64-bit integer"},
		{"two users", `{"mpid":7,"a":1,"mpid":8}`, 23, "mpid", "differs from the mpid before it"},
		{"two users, one escaped", `{"mpid":7,"mp\u0069d":8}`, 22, "mpid", "differs from the mpid before it"},
		{"a user and none", `{"mpid":7,"mpid":null}`, 17, "mpid", "differs from the mpid before it"},

		{"events an object", `{"events":{}}`, 10, "events", "neither an array nor null"},
		{"events a string", `{"events":"[]"}`, 10, "events", "neither an array nor null"},
		{"events twice", `{"events":[],"events":[]}`, 22, "events", "second member of that name"},
		{"events twice, one escaped", `{"events":null,"\u0065vents":null}`, 29, "events", "second member of that name"},
		{"an event that is null", `{"events":[{"event_type":"x"},null]}`, 30, "events[1]", "not an object"},
		{"a trailing comma in events", `{"events":[{"event_type":"x"},]}`, 30, "", "not JSON (depth 2)"},
		{"events without an end", `{"events":[`, 11, "", "unexpected end (depth 2)"},
		{"an event that is a bad number", `{"events":[-]}`, 12, "", "not JSON (depth 2)"},
		{"an event that is an array", `{"events":[[]]}`, 11, "events[0]", "not an object"},
		{"an event without a type", `{"events":[{"data":{"event_type":"x"}}]}`, 11, "events[0].event_type", "missing"},
		{"an event of type null", `{"events":[{"event_type":null}]}`, 25, "events[0].event_type", "not a string"},
		{"an event of two types", `{"events":[{"event_type":"x","event_type":"y"}]}`, 42, "events[0].event_type", "differs from the event_type before it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Parse([]byte(tt.text))
			assert.Nil(t, b)
			var got *Error
			require.ErrorAs(t, err, &got)
			assert.Equal(t, Error{tt.offset, tt.member, tt.reason}, *got)
		})
	}
}

// However much of a batch is missing, the error says that it ends too early, and
// nothing of what the rest might have been.
func TestParse_truncated(t *testing.T) {
	for _, text := range []string{
		`{"mpid":77,"mp\u0069d":"77","events":[{"event_type":"x","data":{"a":[1.5e3,-2,true,false,null]}},{"event_type":"é"}]}`,
		` { "events" : null , "mpid" : -12 , "context" : { "location" : "\ud83d\ude00" } , "mpid" : -12 }`,
		`{"device_info":{"device":"a"},"events":[]}`,
	} {
		checkTruncated(t, text, 1)
	}
}

func TestParse_truncatedSamples(t *testing.T) {
	for _, data := range testFiles(t, 13, "batches/*.json") {
		text := strings.TrimRight(string(data), " \n")
		checkTruncated(t, text, 1+len(text)/300)
	}
}

func checkTruncated(t *testing.T, text string, step int) {
	t.Helper()
	parsed(t, text)
	for n := 0; n < len(text); n += step {
		_, err := Parse([]byte(text[:n]))
		var bad *Error
		require.ErrorAs(t, err, &bad)
		require.Regexp(t, `^unexpected end( \(depth [1-9]\d*\))?$`, bad.Reason, text[:n])
		require.Equal(t, Error{Offset: int64(n), Reason: bad.Reason}, *bad)
	}
}

func TestError_text(t *testing.T) {
	_, err := Parse([]byte(`{"mpid":1.5}`))
	assert.EqualError(t, err, "batch: mpid: not a 64-bit integer at byte 8")
	_, err = Parse([]byte(`{"secret attribute":{"secret value"}}`))
	assert.EqualError(t, err, "batch: not JSON (depth 2) at byte 35")
}

func TestParse_accepts(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                 `{}`,
		"white space":           " {\r\n\t} \n",
		"events null":           `{"events":null}`,
		"events absent":         `{"mpid":1}`,
		"events empty":          `{"events":[ ]}`,
		"equal types":           `{"events":[{"event_type":"x","event_typ\u0065":"\u0078"}]}`,
		"equal users":           `{"mpid":7,"mpid":"7","mp\u0069d":7}`,
		"no user, repeatedly":   `{"mpid":0,"mpid":null,"mpid":""}`,
		"half a surrogate pair": `{"a":"\ud800","\udc00":"\ud800\ud800"}`,
		"numbers":               `{"a":[1e400,-0,1.10,1E2,18446744073709551616,0.1e-9]}`,
		"escapes":               `{"a":"\/\"\\\b\f\n\r\t\u00e9"}`,
		"repeated members":      `{"a":1,"a":2,"":3,"":4}`,
		"other case":            `{"Mpid":"x","EVENTS":1,"mpid":1}`,
		"data of any type":      `{"events":[{"event_type":"x","data":[1]},{"event_type":"","data":null}]}`,
		"events further down":   `{"context":{"events":3,"mpid":"x"},"a":[{"events":{}}]}`,
		"1,000 deep":            `{"a":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, text, string(parsed(t, text).AppendJSON(nil)))
		})
	}
}

// Brackets by the million are refused without a million stack frames.
func TestParse_brackets(t *testing.T) {
	for _, open := range []string{"[", `{"a":`, `[{"":`} {
		_, err := Parse([]byte(`{"a":` + strings.Repeat(open, 5_000_000)))
		var got *Error
		require.ErrorAs(t, err, &got)
		assert.Contains(t, got.Reason, "more than 1000")
	}
}

// At any depth the parser knows whether it is in an object or an array.
func TestParse_nesting(t *testing.T) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 11))
		depth := maxDepth - 1
		open, closing := `{"a":`, make([]byte, depth)
		for i := range depth {
			if rng.IntN(2) == 0 {
				open += `{"":`
				closing[depth-1-i] = '}'
			} else {
				open += `[`
				closing[depth-1-i] = ']'
			}
		}
		parsed(t, open+"1"+string(closing)+"}")
		for i := range closing {
			closing[i] ^= '}' ^ ']'
			_, err := Parse([]byte(open + "1" + string(closing) + "}"))
			var bad *Error
			require.ErrorAs(t, err, &bad)
			require.Equal(t, Error{int64(len(open) + 1 + i), "", fmt.Sprintf("not JSON (depth %d)", maxDepth-i)}, *bad)
			closing[i] ^= '}' ^ ']'
		}
	}
}

func TestUserID(t *testing.T) {
	for text, want := range map[string]int64{
		`7`: 7, `"7"`: 7, `"\u0037"`: 7, `-7`: -7, `"-7"`: -7,
		`9223372036854775807`: math.MaxInt64, `"-9223372036854775808"`: math.MinInt64,
		`7346244611012968789`: 7346244611012968789,
		`0`:                   0, `"0"`: 0, `-0`: 0, `null`: 0, `""`: 0,
	} {
		id, ok := parsed(t, fmt.Sprintf(`{"a":1,"mpid":%s,"b":2}`, text)).UserID()
		assert.Equal(t, want, id, text)
		assert.Equal(t, want != 0, ok, text)
	}
	id, ok := parsed(t, `{"a":{"mpid":7}}`).UserID()
	assert.Zero(t, id)
	assert.False(t, ok)
}

func TestEvent_name(t *testing.T) {
	b := parsed(t, `{"events":[
		{"event_type":"x","data":{"event_name":"plain"}},
		{"event_type":"x","data":{"event_name":"first","event_name":"last"}},
		{"event_type":"x","data":{"event_name":"first"},"data":{"event\u005fname":"last"}},
		{"event_type":"x","data":{"event_name":"first"},"data":{}},
		{"event_type":"x","data":{"event_nama":"no"}},
		{"event_type":"x","data":{"event_name":3}},
		{"event_type":"x","data":{"a":{"event_name":"no"}}},
		{"event_type":"x","data":"event_name"},
		{"event_type":"x","event_name":"no"}]}`)
	want := []string{"plain", "last", "last", "", "", "", "", "", ""}
	for i, e := range b.Events() {
		assert.Equal(t, want[i], e.Name(), i)
	}
}
