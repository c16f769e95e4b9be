package batch

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValue_reads(t *testing.T) {
	const text = `{"s":"a\u00e9\ud83d\ude00\/\n","half":"x\ud800y","n":12,"q":"-12","z":-0,"f":1.0,"e":1e3,` +
		`"big":9223372036854775808,"lead":"012","t":true,"no":false,"null":null,"o":{"k" : [1, 2]},"dup":1,"dup":"two"}`
	b := parsed(t, text)
	for _, tt := range []struct {
		name  string
		raw   string
		text  any
		int64 any
		bool  any
	}{
		{"s", `"a\u00e9\ud83d\ude00\/\n"`, "aé😀/\n", nil, nil},
		{"half", `"x\ud800y"`, "x\ufffdy", nil, nil},
		{"n", `12`, nil, int64(12), nil},
		{"q", `"-12"`, "-12", int64(-12), nil},
		{"z", `-0`, nil, int64(0), nil},
		{"f", `1.0`, nil, nil, nil},
		{"e", `1e3`, nil, nil, nil},
		{"big", `9223372036854775808`, nil, nil, nil},
		{"lead", `"012"`, "012", nil, nil},
		{"t", `true`, nil, nil, true},
		{"no", `false`, nil, nil, false},
		{"null", `null`, nil, nil, nil},
		{"o", `{"k" : [1, 2]}`, nil, nil, nil},
		{"dup", `"two"`, "two", nil, nil},
	} {
		v := b.At(tt.name)
		assert.True(t, v.Exists(), tt.name)
		assert.Equal(t, tt.raw, string(v.Raw()), tt.name)
		if text, ok := v.Text(); assert.Equal(t, tt.text != nil, ok, tt.name) && ok {
			assert.Equal(t, tt.text, text, tt.name)
		}
		if n, ok := v.Int64(); assert.Equal(t, tt.int64 != nil, ok, tt.name) && ok {
			assert.Equal(t, tt.int64, n, tt.name)
		}
		if on, ok := v.Bool(); assert.Equal(t, tt.bool != nil, ok, tt.name) && ok {
			assert.Equal(t, tt.bool, on, tt.name)
		}
	}
	assert.Equal(t, text, string(b.At().Raw()))
}

func TestValue_absent(t *testing.T) {
	for _, v := range []Value{{}, parsed(t, `{"a":"b"}`).At("x"), parsed(t, `{"a":"b"}`).At("a", "b"), (&Batch{}).At("a"), Event{}.At("a")} {
		assert.False(t, v.Exists())
		assert.Nil(t, v.Raw())
		_, ok := v.Text()
		assert.False(t, ok)
		_, ok = v.Int64()
		assert.False(t, ok)
		_, ok = v.Bool()
		assert.False(t, ok)
		for range v.All() {
			t.Fatal("something where there is nothing")
		}
		assert.False(t, v.At("x").Exists())
		assert.NoError(t, v.Remove())
	}
	assert.Equal(t, errNoBatch, Value{}.Set(1))
	assert.Equal(t, errGone, (&Batch{}).At("a").Set(1))
}

func TestValue_all(t *testing.T) {
	b := parsed(t, `{"a":{"x":1,"\u0079":2,"x":3},"a":[true, {"b":4}],"a":5}`)
	var got []string
	for name, v := range b.At("a").All() {
		got = append(got, fmt.Sprintf("%s=%s", name, v.Raw()))
	}
	assert.Equal(t, []string{"x=1", "y=2", "x=3", "=true", `={"b":4}`}, got)
	for range b.At("a").All() {
		break
	}
}

func TestValue_allWhileEditing(t *testing.T) {
	b := parsed(t, `{"a":[{"id":1},{"id":2},{"id":3},4]}`)
	n := 0
	for _, v := range b.At("a").All() {
		if id, ok := v.At("id").Int64(); ok && id == 2 {
			require.NoError(t, v.Remove())
			assert.Equal(t, errGone, v.Set(1), "an element that is gone has no place")
			assert.Equal(t, errGone, v.At("id").Set(1))
		} else if ok {
			require.NoError(t, v.At("id").Set(fmt.Sprint(id)))
		} else {
			require.NoError(t, v.Set(nil))
			require.NoError(t, v.At("id").Set(true))
		}
		n++
	}
	assert.Equal(t, 4, n)
	assert.Equal(t, `{"a":[{"id":"1"},{"id":"3"},{"id":true}]}`, string(b.AppendJSON(nil)))

	b = parsed(t, `{"a":{"x":1,"y":2,"x":3}}`)
	for name, v := range b.At("a").All() {
		require.NoError(t, v.Remove())
		require.NoError(t, b.At("a", name+"_").Set(1))
		if n++; n > 20 {
			break
		}
	}
	assert.NotContains(t, string(b.AppendJSON(nil)), `"y":2`)
	assert.NotContains(t, string(b.AppendJSON(nil)), `"x":`)
}

// Members that edits added are all visited, though others before them go.
func TestValue_allOfWhatWasAdded(t *testing.T) {
	b := parsed(t, `{"a":{"w":0}}`)
	for _, name := range []string{"x", "y", "z"} {
		require.NoError(t, b.At("a", name).Set(1))
	}
	var seen []string
	for name, v := range b.At("a").All() {
		seen = append(seen, name)
		require.NoError(t, v.Remove())
	}
	assert.Equal(t, []string{"w", "x", "y", "z"}, seen)
	assert.Equal(t, `{"a":{}}`, string(b.AppendJSON(nil)))
	require.NoError(t, b.At("a", "y").Set(2))
	require.NoError(t, b.At("a", "x").Set(3))
	assert.Equal(t, `{"a":{"y":2,"x":3}}`, string(b.AppendJSON(nil)))
	assert.Equal(t, `{"a":{"y":2,"x":3}}`, string(b.Clone().AppendJSON(nil)))
}

// A value says where to look: it follows edits, and is absent when they removed
// what is around it.
func TestValue_afterEdits(t *testing.T) {
	b := parsed(t, `{"a":{"list":[{"x":1}]}}`)
	var element Value
	for _, v := range b.At("a", "list").All() {
		element = v
	}
	x := element.At("x")
	require.NoError(t, element.Set(map[string]int{"x": 2}))
	assert.Equal(t, "2", string(x.Raw()))
	require.NoError(t, x.Set(3))
	assert.Equal(t, `{"x":3}`, string(element.Raw()))
	require.NoError(t, b.At("a").Set(map[string]any{"list": []any{"other"}}))
	assert.False(t, x.Exists())
	assert.False(t, element.Exists())
	assert.Equal(t, errGone, x.Set(4))
	assert.Equal(t, `{"a":{"list":["other"]}}`, string(b.AppendJSON(nil)))
}

func TestValue_editsCompose(t *testing.T) {
	b := parsed(t, `{"a":1}`)
	steps := []struct {
		edit func() error
		want string
	}{
		{b.At("a").Remove, `{}`},
		{func() error { return b.At("b").Set(1) }, `{"b":1}`},
		{b.At("b").Remove, `{}`},
		{func() error { return b.At("c", "d").Set(1) }, `{"c":{"d":1}}`},
		{func() error { return b.At("c", "e").Set(2) }, `{"c":{"d":1,"e":2}}`},
		{b.At("c", "d").Remove, `{"c":{"e":2}}`},
		{func() error { return b.At("a").Set(3) }, `{"c":{"e":2},"a":3}`},
		{b.At("c").Remove, `{"a":3}`},
	}
	for _, s := range steps {
		require.NoError(t, s.edit())
		assert.Equal(t, s.want, string(b.AppendJSON(nil)))
	}
}

func TestClone_whileOthersRead(t *testing.T) {
	b := parsed(t, `{"a":[{"x":1},{"x":2}],"events":[{"event_type":"a"},{"event_type":"b"}]}`)
	require.NoError(t, b.At("b").Set(map[string]int{"c": 1}))
	require.NoError(t, b.At("a").Set(b.At("a")))
	want := string(b.AppendJSON(nil))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				c := b.Clone()
				for _, v := range c.At("a").All() {
					assert.NoError(t, v.At("x").Set(i))
				}
				assert.NoError(t, c.At("b", "d").Set(i))
				assert.NoError(t, c.At("b", "c").Remove())
				assert.Equal(t, 1, c.DropEvents("test", func(e Event) bool { return e.Type() == "a" }))
				assert.Equal(t, want, string(b.AppendJSON(nil)))
				assert.Equal(t, b.EventsSize(0, 1), len(b.AppendEvents(nil, 0, 1)))
				assert.Contains(t, string(c.AppendJSON(nil)), fmt.Sprintf(`{"x":%d},{"x":%d}`, i, i))
			}
		})
	}
	wg.Wait()
}

func TestValue_Offset(t *testing.T) {
	b := mustParse([]byte(`{"a": {"b":7}, "events":[{"event_type":"x"}]}`))
	for want, v := range map[int]Value{0: b.At(), 6: b.At("a"), 11: b.At("a", "b")} {
		offset, ok := v.Offset()
		assert.True(t, ok)
		assert.Equal(t, want, offset)
	}
	for _, e := range b.Events() {
		offset, ok := e.At("event_type").Offset()
		assert.True(t, ok)
		assert.Equal(t, 39, offset)
	}
	require.NoError(t, b.At("a", "b").Set(8))
	for _, v := range []Value{b.At("a", "b"), b.At("c"), {}} {
		_, ok := v.Offset()
		assert.False(t, ok)
	}
}
