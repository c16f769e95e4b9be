package batch

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRemove(t *testing.T) {
	for _, tt := range []struct{ name, text, path, want string }{
		{"the only one", `{"a":1}`, "a", `{}`},
		{"the first", `{"a":1,"b":2,"c":3}`, "a", `{"b":2,"c":3}`},
		{"one in the middle", `{"a":1,"b":2,"c":3}`, "b", `{"a":1,"c":3}`},
		{"the last", `{"a":1,"b":2,"c":3}`, "c", `{"a":1,"b":2}`},
		{"first with white space", "{\n  \"a\" : 1 ,\n  \"b\" : 2\n}", "a", "{\n  \"b\" : 2\n}"},
		{"last with white space", "{\n  \"a\" : 1 ,\n  \"b\" : 2\n}", "b", "{\n  \"a\" : 1\n}"},
		{"none", `{"a":1}`, "b", `{"a":1}`},
		{"below none", `{"a":1}`, "b/c", `{"a":1}`},
		{"below null", `{"a":null}`, "a/b", `{"a":null}`},
		{"below a string", `{"a":"b"}`, "a/b", `{"a":"b"}`},
		{"below an array", `{"a":[{"b":1}]}`, "a/b", `{"a":[{"b":1}]}`},
		{"an emptied parent stays", `{"a":{"b":1}}`, "a/b", `{"a":{}}`},
		{"every duplicate", `{"a":1,"b":2,"a":3,"a":4}`, "a", `{"b":2}`},
		{"every duplicate, escaped", `{"lo\u0063ation":1,"b":2,"location":3}`, "location", `{"b":2}`},
		{"in every parent", `{"a":{"x":1,"y":2},"a":null,"\u0061":{"x":3}}`, "a/x", `{"a":{"y":2},"a":null,"\u0061":{}}`},
		{"other case", `{"A":1}`, "a", `{"A":1}`},
		{"a longer name", `{"ab":1,"a":2}`, "a", `{"ab":1}`},
		{"the empty name", `{"":1,"a":2}`, "", `{"a":2}`},
		{"a name with a quote", `{"a\"":1,"a":2}`, `a"`, `{"a":2}`},
		{"a name that looks escaped", `{"\\u0061":1,"a":2}`, `\u0061`, `{"a":2}`},
		{"a dot", `{"a.b":1,"a":{"b":2}}`, "a.b", `{"a":{"b":2}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := parsed(t, tt.text)
			v := b.At(strings.Split(tt.path, "/")...)
			require.NoError(t, v.Remove())
			assert.Equal(t, tt.want, string(b.AppendJSON(nil)))
			assert.False(t, v.Exists())
			require.NoError(t, v.Remove())
			assert.Equal(t, tt.want, string(b.AppendJSON(nil)), "once more")
		})
	}
}

func TestSet(t *testing.T) {
	for _, tt := range []struct{ name, text, path, want string }{
		{"over", `{"a":1,"b":2}`, "a", `{"a":"new","b":2}`},
		{"over an object", `{"a" : {"b":[1]} , "b":2}`, "a", `{"a" : "new" , "b":2}`},
		{"into an empty batch", `{ }`, "a", `{"a":"new" }`},
		{"behind the last", "{\n  \"a\": 1\n}", "b", "{\n  \"a\": 1,\"b\":\"new\"\n}"},
		{"parents that are missing", `{"a":1}`, "b/c/d", `{"a":1,"b":{"c":{"d":"new"}}}`},
		{"a parent that is null", `{"a":null}`, "a/b/c", `{"a":{"b":{"c":"new"}}}`},
		{"one of several is left", `{"a":1,"b":2,"a":3}`, "a", `{"b":2,"a":"new"}`},
		{"in the last of several parents", `{"a":{"x":1},"a":{"y":2}}`, "a/x", `{"a":{},"a":{"y":2,"x":"new"}}`},
		{"under an escaped name", `{"\u0061":1}`, "a", `{"\u0061":"new"}`},
		{"a dot", `{"a":{"b":1}}`, "a.b", `{"a":{"b":1},"a.b":"new"}`},
		{"an odd name", `{}`, "<é>\n\"\\\x01", `{"<é>\n\"\\\u0001":"new"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := parsed(t, tt.text)
			v := b.At(strings.Split(tt.path, "/")...)
			require.NoError(t, v.Set("new"))
			assert.Equal(t, tt.want, string(b.AppendJSON(nil)))
			text, ok := v.Text()
			assert.True(t, ok)
			assert.Equal(t, "new", text)
			require.NoError(t, v.Set("new"))
			assert.Equal(t, tt.want, string(b.AppendJSON(nil)), "once more")
			assert.Equal(t, len(tt.want), b.Size())
		})
	}
}

func TestSet_values(t *testing.T) {
	type named string
	for want, x := range map[string]any{
		`null`: nil, `true`: true, `-7`: -7, `9223372036854775807`: int64(math.MaxInt64), `200`: uint8(200),
		`0.5`: 0.5, `1e+21`: 1e21, `"<a>&é\u0000"`: "<a>&é\x00", `"</script>"`: named("</script>"),
		`["<",1]`: []any{"<", 1}, `{"a":"&"}`: map[string]string{"a": "&"}, `1.50`: json.Number("1.50"),
		`{"a" : 1.0}`: json.RawMessage(" {\"a\" : 1.0}\n"), `"\ud800"`: json.RawMessage(`"\ud800"`),
	} {
		b := parsed(t, `{"a":0}`)
		require.NoError(t, b.At("a").Set(x))
		assert.Equal(t, `{"a":`+want+`}`, string(b.AppendJSON(nil)))
	}
	b := parsed(t, `{"a":{"x":[1, 2]},"b":3}`)
	require.NoError(t, b.At("b").Set(b.At("a", "x")))
	require.NoError(t, b.At("a").Remove())
	assert.Equal(t, `{"b":[1, 2]}`, string(b.AppendJSON(nil)), "a copy of another value")
}

func TestSet_copies(t *testing.T) {
	b := parsed(t, `{"a":0}`)
	raw := json.RawMessage(`"text"`)
	require.NoError(t, b.At("a").Set(raw))
	raw[1] = 'n'
	assert.Equal(t, `{"a":"text"}`, string(b.AppendJSON(nil)))
}

func TestSet_errors(t *testing.T) {
	const text = `{"mpid":7,"a":"b","c":[1],"d":null,"events":[{"event_type":"x","data":{}}]}`
	deep := json.RawMessage(strings.Repeat("[", 1000) + strings.Repeat("]", 1000))
	for _, tt := range []struct {
		name string
		path string
		x    any
		want string
	}{
		{"mpid", "mpid", 8, "batch: mpid cannot be edited"},
		{"below mpid", "mpid/x", 8, "batch: mpid cannot be edited"},
		{"events", "events", nil, errEvents.Error()},
		{"below events", "events/x", nil, errEvents.Error()},
		{"below a string", "a/x", 1, errParent.Error()},
		{"below an array", "c/0", 1, errParent.Error()},
		{"invalid UTF-8", "a", "\xff", errUTF8.Error()},
		{"invalid UTF-8 in a name", "\xff", 1, errUTF8.Error()},
		{"invalid UTF-8 in a name below", "x/\xff/y", 1, errUTF8.Error()},
		{"invalid UTF-8 in a name below null", "d/\xff", 1, errUTF8.Error()},
		{"bytes", "a", []byte("x"), errBytes.Error()},
		{"NaN", "a", math.NaN(), "batch: set: json: unsupported value: NaN"},
		{"a function", "a", func() {}, "batch: set: json: unsupported type: func()"},
		{"no JSON", "a", json.RawMessage(`{"secret":x}`), "batch: set: not JSON (depth 1) at byte 10 of the value"},
		{"empty JSON", "a", json.RawMessage(``), "batch: set: unexpected end at byte 0 of the value"},
		{"two values", "a", json.RawMessage(`1 2`), "batch: set: data after the value at byte 2 of it"},
		{"too deep", "a", deep, errDepth.Error()},
		{"no value", "a", Value{}, errNone.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := parsed(t, text)
			assert.EqualError(t, b.At(strings.Split(tt.path, "/")...).Set(tt.x), tt.want)
			assert.Equal(t, text, string(b.AppendJSON(nil)))
		})
	}
}

// The user id is the key and decides on the partition: no way leads to it.
func TestEdit_userIDStays(t *testing.T) {
	const text = `{"mp\u0069d":7,"mpid":"7","a":{"mpid":1}}`
	b := parsed(t, text)
	assert.Equal(t, errUserID, b.At("mpid").Remove())
	assert.Equal(t, errWhole, b.At().Remove())
	assert.Equal(t, errWhole, b.At().Set(map[string]int{"mpid": 8}))
	for name, v := range b.At().All() {
		if name == "mpid" {
			assert.Equal(t, errUserID, v.Remove())
			assert.Equal(t, errUserID, v.Set(8))
			assert.Equal(t, errUserID, v.At("x").Set(8))
		}
	}
	assert.Equal(t, text, string(b.AppendJSON(nil)))
	require.NoError(t, b.At("a", "mpid").Set(2), "another mpid")

	b = parsed(t, `{"a":1}`)
	assert.Equal(t, errUserID, b.At("mpid").Set(8), "nor is one added")
}

func TestEdit_eventsStayEvents(t *testing.T) {
	const text = `{"events":[{"event_type":"custom_event","data":{"event_type":"x"}}]}`
	b := parsed(t, text)
	assert.Equal(t, errEvents, b.At("events").Remove())
	for _, e := range b.Events() {
		assert.Equal(t, errEvents, e.At().Remove())
		assert.Equal(t, errEvents, e.At().Set(1))
		assert.Equal(t, errEventType, e.At("event_type").Remove())
		assert.Equal(t, errEventType, e.At("event_type").Set(1))
		assert.Equal(t, errEventType, e.At("event_type").Set(nil))
	}
	for name, list := range b.At().All() {
		assert.Equal(t, "events", name)
		assert.Equal(t, errEvents, list.Set([]int{}))
		for _, v := range list.All() {
			assert.Equal(t, errEvents, v.Remove())
			assert.Equal(t, errEvents, v.Set(1))
			assert.Equal(t, errEventType, v.At("event_type").Remove())
			for name, m := range v.All() {
				if name == "event_type" {
					assert.Equal(t, errEventType, m.Remove())
					assert.Equal(t, errEventType, m.Set(1))
				}
			}
		}
	}
	assert.Equal(t, text, string(b.AppendJSON(nil)))
	b = parsed(t, `{"events":null}`)
	assert.Equal(t, errEvents, b.At("events").Set([]int{}))
	assert.Equal(t, errEvents, b.At("events", "x").Set(1))
}

func TestEvent_typeFollowsEdits(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"custom_event"},{"event_typ\u0065":"screen_view","event_type":"screen_view"}]}`)
	c := b.Clone()
	for _, e := range c.Events() {
		require.NoError(t, e.At("event_type").Set(OptOut))
		assert.Equal(t, OptOut, e.Type())
		require.NoError(t, e.At("event_type").Set("other"))
		assert.Equal(t, "other", e.Type())
	}
	for _, e := range c.Clone().Events() {
		assert.Equal(t, "other", e.Type())
	}
	assert.Equal(t, `{"events":[{"event_type":"other"},{"event_type":"other"}]}`, string(c.AppendJSON(nil)))
	assert.Equal(t, 2, b.DropEvents("known", func(e Event) bool { return IsForwarded(e.Type()) }))
}

func TestEvent_dropped(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"a","data":{"x":1}},{"event_type":"b"}]}`)
	var first Event
	for _, e := range b.Events() {
		first = e
		break
	}
	v := first.At("data", "x")
	b.DropEvents("test", func(e Event) bool { return e.Type() == "a" })
	assert.False(t, v.Exists())
	assert.Equal(t, "", first.Type())
	assert.NoError(t, v.Remove())
	assert.Equal(t, errGone, v.Set(2))
	assert.Equal(t, `{"events":[{"event_type":"b"}]}`, string(b.AppendJSON(nil)))
}

func TestDropEvents_whileIterating(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"a"}, {"event_type":"b"} ,{"event_type":"c"}]}`)
	var seen []string
	for i, e := range b.Events() {
		seen = append(seen, e.Type())
		assert.Less(t, i, 2)
		b.DropEvents("next", func(o Event) bool { return o.Index() == e.Index()+1 })
	}
	assert.Equal(t, []string{"a", "c"}, seen)
	assert.Equal(t, []DroppedEvents{{"next", 1}}, b.Dropped())
	assert.Equal(t, `{"events":[{"event_type":"a"} ,{"event_type":"c"}]}`, string(b.AppendJSON(nil)))
	b.DropEvents("all", func(Event) bool { return true })
	assert.Equal(t, []DroppedEvents{{"next", 1}, {"all", 2}}, b.Dropped())
	assert.Equal(t, `{"events":[]}`, string(b.AppendJSON(nil)))
	assert.Empty(t, b.Clone().Dropped())
	assert.Zero(t, b.Clone().NumEvents())
}

// What EventsSize remembers of a batch it forgets with the next edit.
func TestEventsSize_afterEdits(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"a"},{"event_type":"b"},{"event_type":"c"}],"x":1}`)
	check := func() {
		for i := range b.NumEvents() {
			assert.Equal(t, len(b.AppendEvents(nil, i, i+1)), b.EventsSize(i, i+1))
		}
	}
	check()
	require.NoError(t, b.At("x").Set("longer"))
	check()
	assert.Equal(t, `{"events":[{"event_type":"b"}],"x":"longer"}`, string(b.AppendEvents(nil, 1, 2)))
	b.DropEvents("test", func(e Event) bool { return e.Type() == "a" })
	check()
	assert.Equal(t, `{"events":[{"event_type":"b"}],"x":"longer"}`, string(b.AppendEvents(nil, 0, 1)))
	for _, e := range b.Events() {
		require.NoError(t, e.At("data", "x").Set(1))
	}
	check()
	require.NoError(t, b.At("x").Remove())
	check()
	assert.Equal(t, `{"events":[{"event_type":"c","data":{"x":1}}]}`, string(b.AppendEvents(nil, 1, 2)))
	for _, bad := range [][2]int{{-1, 0}, {0, 3}, {2, 1}} {
		assert.Panics(t, func() { b.EventsSize(bad[0], bad[1]) }, bad)
		assert.Panics(t, func() { b.AppendEvents(nil, bad[0], bad[1]) }, bad)
	}
	b = parsed(t, `{"events":null}`)
	assert.Equal(t, `{"events":null}`, string(b.AppendEvents(nil, 0, 0)))
	assert.Panics(t, func() { b.AppendEvents(nil, 0, 1) })
}

// Entries may go in any order: what is left is a list with a comma between each
// two, always the same.
func TestEdit_anyOrder(t *testing.T) {
	const n = 5
	var orders func(order, rest []int)
	orders = func(order, rest []int) {
		if len(rest) > 0 {
			for i, next := range rest {
				orders(append(slices.Clip(order), next), append(slices.Clone(rest[:i]), rest[i+1:]...))
			}
			return
		}
		object := parsed(t, `{ "a":[0] , "b":[1] , "c":[2] , "d":[3] , "e":[4] }`)
		array := parsed(t, `{"x":[ [0] , [1] , [2] , [3] , [4] ]}`)
		events := parsed(t, `{"events":[{"event_type":"0"},{"event_type":"1"},{"event_type":"2"},{"event_type":"3"},{"event_type":"4"}]}`)
		var elements []Value
		for _, v := range array.At("x").All() {
			elements = append(elements, v)
		}
		gone := map[int]bool{}
		for _, next := range order {
			require.NoError(t, object.At(string(rune('a'+next))).Remove())
			require.NoError(t, elements[next].Remove())
			events.DropEvents("test", func(e Event) bool { return e.Index() == next })
			gone[next] = true
			var members, list, left []string
			for i := range n {
				if !gone[i] {
					members = append(members, fmt.Sprintf(` "%c":[%d]`, 'a'+i, i))
					list = append(list, fmt.Sprintf(" [%d]", i))
					left = append(left, fmt.Sprintf(`{"event_type":"%d"}`, i))
				}
			}
			require.Equal(t, "{"+strings.Join(members, " ,")+" }", string(object.AppendJSON(nil)), order)
			require.Equal(t, `{"x":[`+strings.Join(list, " ,")+" ]}", string(array.AppendJSON(nil)), order)
			require.Equal(t, `{"events":[`+strings.Join(left, ",")+"]}", string(events.AppendJSON(nil)), order)
		}
	}
	orders(nil, []int{0, 1, 2, 3, 4})
}
