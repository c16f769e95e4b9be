package batch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValue_Sole(t *testing.T) {
	for name, tc := range map[string]struct {
		data string
		path []string
		want string
		ok   bool
	}{
		"there":                     {`{"a":{"b":[1, 2]}}`, []string{"a", "b"}, `[1, 2]`, true},
		"whole batch":               {` {"a":1} `, nil, `{"a":1}`, true},
		"null":                      {`{"a":null}`, []string{"a"}, `null`, true},
		"absent":                    {`{"a":1}`, []string{"b"}, ``, true},
		"absent parent":             {`{"a":1}`, []string{"b", "c"}, ``, true},
		"parent is no object":       {`{"a":[{"b":1}]}`, []string{"a", "b"}, ``, true},
		"twice":                     {`{"a":1,"b":2,"a":1}`, []string{"a"}, ``, false},
		"twice, once with escapes":  {`{"a":1,"\u0061":2}`, []string{"a"}, ``, false},
		"parent twice":              {`{"a":{"b":1},"a":{"b":1}}`, []string{"a", "b"}, ``, false},
		"parent twice, once null":   {`{"a":{"b":1},"a":null}`, []string{"a", "b"}, ``, false},
		"parent twice, absent":      {`{"a":{},"a":{}}`, []string{"a", "b"}, ``, false},
		"child twice":               {`{"a":{"b":1,"b":1}}`, []string{"a"}, `{"b":1,"b":1}`, true},
		"name with escapes":         {`{"\u0061":{"\u0062":7}}`, []string{"a", "b"}, `7`, true},
		"a member of a lone object": {`{"c":{"b":1},"a":{"b":2}}`, []string{"a", "b"}, `2`, true},
	} {
		b, err := Parse([]byte(tc.data))
		require.NoError(t, err, name)
		raw, ok := b.At(tc.path...).Sole()
		assert.Equal(t, tc.ok, ok, name)
		assert.Equal(t, tc.want, string(raw), name)
	}
	raw, ok := Value{}.Sole()
	assert.Nil(t, raw)
	assert.True(t, ok)
}

// What Sole returns of events follows from the index, as long as nothing was
// edited there, and afterwards from the text: it must be the same.
func TestValue_Sole_ofEvents(t *testing.T) {
	for name, tc := range map[string]struct {
		event string
		path  []string
		want  string
		ok    bool
	}{
		"data":                 {`{"data":{"event_name":"a","x":{}},"event_type":"custom_event"}`, []string{"data"}, `{"event_name":"a","x":{}}`, true},
		"data, last":           {`{"event_type":"custom_event", "data" : {"x":"}"} }`, []string{"data"}, `{"x":"}"}`, true},
		"data of another kind": {`{"data":[1],"event_type":"custom_event"}`, []string{"data"}, `[1]`, true},
		"data null":            {`{"data":null,"event_type":"custom_event"}`, []string{"data"}, `null`, true},
		"no data":              {`{"event_type":"custom_event"}`, []string{"data"}, ``, true},
		"data twice":           {`{"data":{},"event_type":"custom_event","data":{}}`, []string{"data"}, ``, false},
		"data twice, once null": {
			`{"data":null,"event_type":"custom_event","data":{}}`,
			[]string{"data"}, ``, false,
		},
		"within data":          {`{"data":{"location":{"l":1}},"event_type":"custom_event"}`, []string{"data", "location"}, `{"l":1}`, true},
		"within data, twice":   {`{"data":{"event_name":1,"event_name":1},"event_type":"custom_event"}`, []string{"data", "event_name"}, ``, false},
		"within data repeated": {`{"data":{"a":1},"data":{},"event_type":"custom_event"}`, []string{"data", "a"}, ``, false},
	} {
		for _, edit := range []bool{false, true} {
			b, err := Parse([]byte(`{"events":[{"event_type":"session_end"},` + tc.event + `]}`))
			require.NoError(t, err, name)
			for _, e := range b.Events() {
				if e.Index() == 0 {
					continue
				}
				if edit {
					require.NoError(t, e.At("added").Set(true))
				}
				raw, ok := e.At(tc.path...).Sole()
				assert.Equal(t, tc.ok, ok, "%s, edited %t", name, edit)
				assert.Equal(t, tc.want, string(raw), "%s, edited %t", name, edit)
			}
		}
	}
}

func TestValue_Sole_followsEdits(t *testing.T) {
	b, err := Parse([]byte(`{"a":{"b":1,"b":2},"events":[{"event_type":"session_end","data":{"x":1}}]}`))
	require.NoError(t, err)
	_, ok := b.At("a", "b").Sole()
	assert.False(t, ok)
	require.NoError(t, b.At("a", "b").Set("three")) // leaves one
	raw, ok := b.At("a", "b").Sole()
	assert.True(t, ok)
	assert.Equal(t, `"three"`, string(raw))
	require.NoError(t, b.At("a").Remove())
	raw, ok = b.At("a", "b").Sole()
	assert.True(t, ok)
	assert.Nil(t, raw)

	for _, e := range b.Events() {
		require.NoError(t, e.At("data", "x").Set(2))
		raw, ok = e.At("data").Sole()
		assert.True(t, ok)
		assert.Equal(t, `{"x":2}`, string(raw))
		b.DropEvents("gone", func(batch Event) bool { return true })
		raw, ok = e.At("data").Sole()
		assert.True(t, ok)
		assert.Nil(t, raw)
	}
}

func TestValue_Sole_allocatesNothing(t *testing.T) {
	b, err := Parse([]byte(`{"environment":"production","events":[{"event_type":"session_end","data":{"x":1}}]}`))
	require.NoError(t, err)
	environment, data := []string{"environment"}, []string{"data"}
	assert.Zero(t, testing.AllocsPerRun(20, func() {
		_, _ = b.At(environment...).Sole()
		for _, e := range b.Events() {
			_, _ = e.At(data...).Sole()
		}
	}))
}

// What Sole returns of the batch's own members follows from the index where nothing
// was edited: it must be what a batch says that was parsed after the edits.
func TestValue_Sole_afterEdits(t *testing.T) {
	texts := []string{
		`{"a":1,"b":{"c":2},"events":[{"event_type":"opt_out"}]}`,
		` { "b" : {"c" : {}, "c":1} , "a" :	[1] ,"x":null} `,
		`{"a":1,"a":2,"b":{"c":1}}`,
		`{"b":1,"\u0061":{"c":3},"a":{"c":4}}`,
		`{"\u0061":{"c":3}}`,
		`{}`,
	}
	edits := map[string]func(b *Batch) error{
		"none":        func(*Batch) error { return nil },
		"removed":     func(b *Batch) error { return b.At("a").Remove() },
		"set":         func(b *Batch) error { return b.At("a").Set("new") },
		"set again":   func(b *Batch) error { _ = b.At("a").Remove(); return b.At("a").Set("again") },
		"below":       func(b *Batch) error { _ = b.At("b").Remove(); return b.At("b", "c").Set(true) },
		"another":     func(b *Batch) error { return b.At("d").Set(1) },
		"one of many": func(b *Batch) error { return removeFirst(b, "a") },
		"events": func(b *Batch) error {
			b.DropEvents("all", func(Event) bool { return true })
			return nil
		},
	}
	for _, text := range texts {
		for name, edit := range edits {
			b, err := Parse([]byte(text))
			require.NoError(t, err)
			_ = edit(b)
			again, err := Parse(b.AppendJSON(nil))
			require.NoError(t, err)
			for _, path := range [][]string{{"a"}, {"b"}, {"b", "c"}, {"a", "c"}, {"a", "c", "d"}, {"x"}, {"d"}, {"events"}} {
				raw, ok := b.At(path...).Sole()
				want, wantOK := again.At(path...).Sole()
				assert.Equal(t, wantOK, ok, "%s %s %v", text, name, path)
				assert.Equal(t, string(want), string(raw), "%s %s %v", text, name, path)
			}
		}
	}
}

func removeFirst(b *Batch, name string) error {
	for member, v := range b.At().All() {
		if member == name {
			return v.Remove()
		}
	}
	return nil
}
