package window

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

func parse(t testing.TB, text string) *batch.Batch {
	t.Helper()
	b, err := batch.Parse([]byte(text))
	require.NoError(t, err)
	return b
}

func TestDeviceOf(t *testing.T) {
	device := func(text string) Digest {
		d, ok := DeviceOf(parse(t, text))
		assert.True(t, ok, text)
		return d
	}
	one := device(`{"mpid":1,"mp_deviceid":"a"}`)
	assert.Equal(t, one, device(`{"x":0,"mp_deviceid":"a","mpid":"1"}`), "the user id is a number")
	assert.NotEqual(t, one, device(`{"mpid":2,"mp_deviceid":"a"}`))
	assert.NotEqual(t, one, device(`{"mp_deviceid":"a"}`))
	assert.NotEqual(t, one, device(`{"mpid":1,"mp_deviceid":"b"}`))
	for _, text := range []string{`{"mpid":1}`, `{"mpid":1,"mp_deviceid":null}`, `{"mpid":1,"mp_deviceid":""}`} {
		_, ok := DeviceOf(parse(t, text))
		assert.False(t, ok, text)
	}
}

func TestShapeOf_envelope(t *testing.T) {
	base := ShapeOf([]byte(`{"mpid":1,"batch_id":"b","ip":"1","events":[{"event_type":"custom_event"}]}`))
	for text, same := range map[string]bool{
		`{"mpid":1,"batch_id":"c","ip":"1","events":[]}`:                                                     true,
		`{"mpid":1,"ip":"1","events":[],"message_id":"m","source_request_id":"s","timestamp_unixtime_ms":3}`: true,
		`{"mpid":1,"ip":"1","events":[],"unique_id":"u"}`:                                                    false,
		`{"mpid":"1","ip":"1","events":[]}`:                                                                  false,
		`{"ip":"1","mpid":1,"events":[]}`:                                                                    false,
		`{"mpid":1,"ip":"2","events":[]}`:                                                                    false,
		`{"mpid":1,"ip":"1","ip":"1","events":[]}`:                                                           false,
		`{"mpid":1,"ip" :"1","events":[]}`:                                                                   false,
		`{"mpid":1,"i\u0070":"1","events":[]}`:                                                               false,
		`{"mpid":1,"ip":"1","events":[],"context":{"batch_id":"x"}}`:                                         false,
	} {
		s := ShapeOf([]byte(text))
		assert.False(t, s.Alone, text)
		assert.Equal(t, same, s.Envelope == base.Envelope, text)
	}
}

func TestShapeOf_closes(t *testing.T) {
	for text, want := range map[string]Shape{
		`{"events":[{"event_type":"custom_event"}]}`:                                 {},
		`{"events":[{"event_type":"session_end"},{"event_type":"custom_event"}]}`:    {Last: true},
		`{"events":[{"event_type":"custom_event"},{"event_type":"COMMERCE_EVENT"}]}`: {Last: true},
		`{"events":[{"event_type":"session_start"}]}`:                                {},
		`{"mpid":1}`:        {Alone: true},
		`{"events":null}`:   {Alone: true},
		`not JSON at all`:   {Alone: true},
		`{"events":[{}]}`:   {Alone: true},
		`{"events":[]}`:     {},
		`{"events":[ ] }  `: {},
	} {
		s := ShapeOf([]byte(text))
		assert.Equal(t, [2]bool{want.Alone, want.Last}, [2]bool{s.Alone, s.Last}, text)
	}
}

// Every member of what was gathered is traced to a batch, byte for byte: the events
// to all of them, each once and in order, the others to the last one.
func TestText_tracedToBatches(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable
		var text Text
		var last string
		var events []string
		for range 1 + r.IntN(6) {
			value, own := someValue(r)
			last, events = value, append(events, own...)
			s := ShapeOf([]byte(value))
			require.False(t, s.Alone, value)
			text.Add(&s)
		}
		got := parse(t, string(text.Append(nil)))
		assert.Equal(t, membersOf(parse(t, last)), membersOf(got))
		assert.Equal(t, events, eventsOf(t, string(text.Append(nil))))
	}
}

// membersOf lists the text of all members but the events.
func membersOf(b *batch.Batch) (list []string) {
	for name, text := range b.Members() {
		if name != "events" {
			list = append(list, string(text))
		}
	}
	return list
}

func eventsOf(t testing.TB, value string) (list []string) {
	t.Helper()
	var b struct{ Events []json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(value), &b), value)
	for _, e := range b.Events {
		list = append(list, string(e))
	}
	return list
}

// someValue returns a value, and the text of its events.
func someValue(r *rand.Rand) (value string, events []string) {
	space := func() string { return []string{"", "", " ", "\n\t"}[r.IntN(4)] }
	for range r.IntN(4) {
		events = append(events, fmt.Sprintf(`{"event_type":%s"custom_event","n":%d.0e+0,"s":"\u00e4 [],{} \" %d"}`, space(), r.IntN(1e9), r.IntN(1e9)))
	}
	members := []string{
		fmt.Sprintf(`"batch_id":%s"%d"`, space(), r.IntN(1e9)), fmt.Sprintf(`"timestamp_unixtime_ms":%d`, r.IntN(1e9)),
		`"mpid":12345678901234567`, `"x":{"events":[1,2],"y":"]"}`, `"x":1`,
	}
	list := space() + "[" + space() + strings.Join(events, space()+","+space()) + space() + "]"
	at := r.IntN(len(members) + 1)
	members = append(members[:at:at], append([]string{space() + `"events"` + space() + ":" + list}, members[at:]...)...)
	return space() + "{" + strings.Join(members, space()+","+space()) + "}" + space(), events
}
