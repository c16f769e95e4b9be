package forwarder

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// limited is keepAll with these limits, which a pipeline takes as they are:
// what is sensible is for the settings to say.
func limited(message int, buffer int64) settings.Settings {
	s := keepAll()
	s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = message, buffer
	return s
}

// numbered is a batch whose events count up.
func numbered(events int) string {
	var list []string
	for i := range events {
		list = append(list, fmt.Sprintf(`{"event_type":"first_run","data":{"n":"%04d"}}`, i))
	}
	return `{"mpid":-12,"events":[` + strings.Join(list, ",") + `],"z":1}`
}

// The size of one of its events, with a comma.
const numberedEvent = len(`{"event_type":"first_run","data":{"n":"0000"}},`)

// What a message of numbered's batch counts for without its events and header.
const numberedBase = len(`{"mpid":-12,"events":[],"z":1}`) + len("-12") + 128

func parts(messages []message) []string {
	var list []string
	for _, m := range messages {
		list = append(list, m.part)
	}
	return list
}

func TestSplit_messagePerEvent(t *testing.T) {
	s := with("send_as_batch")
	o := through(t, s, `{"mpid":5,"events":[ {"event_type":"opt_out","x":1} , {"event_type":"first_run"} ],"x":[]}`)
	require.NoError(t, o.err)
	assert.Equal(t, []string{
		`{"mpid":5,"events":[{"event_type":"opt_out","x":1}],"x":[]}`,
		`{"mpid":5,"events":[{"event_type":"first_run"}],"x":[]}`,
	}, o.compact())
	assert.Equal(t, []string{"", ""}, parts(o.messages), "no header")
	for i, m := range o.messages {
		assert.Equal(t, "5", string(m.key))
		assert.Equal(t, []int{i, 1}, []int{m.firstEvent, m.events})
	}

	// One event, or none, is one message as it stands.
	for _, in := range []string{
		`{"events": [ {"event_type":"opt_out"} ] }`, `{"events": [ ] }`, `{"events":null}`, `{}`, ` { "mpid" : 1 } `,
	} {
		assert.Equal(t, in, through(t, s, in).value(t))
	}
}

// Parts are filled greedily, up to the last byte.
func TestSplit_oversize(t *testing.T) {
	header := len("eventferry-part") + len("1/4")
	three := numberedBase + header + 3*numberedEvent - 1 // what a part of three events counts for
	o := through(t, limited(three, math.MaxInt64), numbered(10))
	require.NoError(t, o.err)
	assert.Equal(t, []string{"1/4", "2/4", "3/4", "4/4"}, parts(o.messages))
	assert.Equal(t, []int{3, 3, 3, 1}, sizesOf(o.messages))
	assert.Equal(t, `{"mpid":-12,"events":[{"event_type":"first_run","data":{"n":"0003"}},{"event_type":"first_run","data":{"n":"0004"}},{"event_type":"first_run","data":{"n":"0005"}}],"z":1}`, o.values()[1])
	for i, m := range o.messages {
		assert.Equal(t, "-12", string(m.key))
		assert.Equal(t, 3*i, m.firstEvent)
		assert.LessOrEqual(t, size(m), three)
	}
	assert.Equal(t, three, size(o.messages[0]), "the first part is full")

	o = through(t, limited(three-1, math.MaxInt64), numbered(10))
	require.NoError(t, o.err)
	assert.Equal(t, []int{2, 2, 2, 2, 2}, sizesOf(o.messages), "one byte less")

	whole := numberedBase + 10*numberedEvent - 1 // no header when nothing is split
	o = through(t, limited(whole, math.MaxInt64), numbered(10))
	assert.Equal(t, numbered(10), o.value(t))
	assert.Equal(t, "", o.messages[0].part)
	o = through(t, limited(whole-1, math.MaxInt64), numbered(10))
	require.NoError(t, o.err)
	assert.Equal(t, []string{"1/2", "2/2"}, parts(o.messages))
}

func sizesOf(messages []message) []int {
	var events []int
	for _, m := range messages {
		events = append(events, m.events)
	}
	return events
}

// The header grows with the number of parts, which may leave room for fewer
// events, and so make for more parts.
func TestSplit_headerGrows(t *testing.T) {
	header := len("eventferry-part") + len("9/9")
	two := numberedBase + header + 2*numberedEvent - 1
	o := through(t, limited(two, math.MaxInt64), numbered(18))
	require.NoError(t, o.err)
	assert.Equal(t, slices.Repeat([]int{2}, 9), sizesOf(o.messages))

	o = through(t, limited(two, math.MaxInt64), numbered(20)) // ten parts with "1/10" would need a byte more
	require.NoError(t, o.err)
	assert.Equal(t, slices.Repeat([]int{1}, 20), sizesOf(o.messages))
	assert.Equal(t, "20/20", o.messages[19].part)

	o = through(t, limited(two+3, math.MaxInt64), numbered(240)) // two events until the number has three digits
	require.NoError(t, o.err)
	assert.Equal(t, slices.Concat(slices.Repeat([]int{2}, 99), slices.Repeat([]int{1}, 42)), sizesOf(o.messages))
	assert.Equal(t, "141/141", o.messages[140].part)
	for _, m := range o.messages {
		assert.LessOrEqual(t, size(m), two+3)
	}
}

// Whatever the limit, all events arrive once and in order, the parts fit, and
// no part could have taken the next event too.
func TestSplit_everyLimit(t *testing.T) {
	in := numbered(37)
	for limit := numberedBase + 40; limit < numberedBase+40*numberedEvent; limit += 7 {
		o := through(t, limited(limit, math.MaxInt64), in)
		if o.err != nil {
			assert.Less(t, limit, numberedBase+numberedEvent-1+len("eventferry-part37/37"))
			continue
		}
		var all []string
		for i, m := range o.messages {
			assert.LessOrEqual(t, size(m), limit)
			events := parseTree(m.value).all("events")[0].items
			assert.Len(t, events, m.events)
			assert.Equal(t, len(all), m.firstEvent)
			if i+1 < len(o.messages) {
				assert.Greater(t, size(m)+numberedEvent, limit, "greedy")
				assert.Equal(t, fmt.Sprintf("%d/%d", i+1, len(o.messages)), m.part)
			}
			for _, e := range events {
				all = append(all, e.render())
			}
		}
		assert.Equal(t, in, `{"mpid":-12,"events":[`+strings.Join(all, ",")+`],"z":1}`)
	}
}

// An error names the event by its place in the batch as parsed, whatever was
// dropped before it, and nothing is sent.
func TestSplit_tooLarge(t *testing.T) {
	big := `{"event_type":"first_run","data":{"x":"` + strings.Repeat("x", 400) + `"}}`
	in := `{"mpid":-12,"events":[{"event_type":"unknown"},{"event_type":"first_run"},` + big + `,{"event_type":"first_run"}],"z":1}`
	for name, c := range map[string]struct {
		s    settings.Settings
		in   string
		want TooLargeError
	}{
		"a part":              {limited(500, math.MaxInt64), in, TooLargeError{Event: 2, Size: int64(numberedBase + len(big) + len("eventferry-part2/1")), Limit: 500}},
		"a message per event": {with("send_as_batch"), in, TooLargeError{Event: 2, Size: int64(numberedBase + len(big)), Limit: 500}},
		"the only event left": {
			limited(500, math.MaxInt64), `{"mpid":-12,"events":[{"event_type":"unknown"},` + big + `],"z":1}`,
			TooLargeError{Event: 1, Size: int64(numberedBase + len(big)), Limit: 500},
		},
		"an eventless batch": {limited(140, math.MaxInt64), `{"mpid":-12,"events":[]}`, TooLargeError{Event: -1, Size: int64(len(`{"mpid":-12,"events":[]}-12`) + 128), Limit: 140}},
	} {
		t.Run(name, func(t *testing.T) {
			c.s.Delivery.MaxMessageBytes = int(c.want.Limit)
			o := through(t, c.s, c.in)
			assert.Empty(t, o.messages)
			var got *TooLargeError
			require.ErrorAs(t, o.err, &got)
			assert.Equal(t, c.want, *got)
			assert.True(t, Permanent(o.err))
			assert.True(t, NothingSent(o.err))
		})
	}

	b, err := batch.Parse([]byte(in))
	require.NoError(t, err)
	b.DropEvents("before it was given", func(e batch.Event) bool { return e.Index() == 1 })
	_, _, err = mustPipeline(t, limited(500, math.MaxInt64)).outlineOf(t.Context(), b)
	var got *TooLargeError
	require.ErrorAs(t, err, &got)
	assert.Equal(t, 2, got.Event)

	assert.EqualError(t, &TooLargeError{Event: 2, Size: 600, Limit: 500}, "forwarder: event 2 needs a message of 600 bytes, the limit is 500")
	assert.EqualError(t, &TooLargeError{Event: -1, Size: 600, Limit: 500}, "forwarder: batch needs 600 bytes, the limit is 500")
}

// All parts together must fit into the buffer; that is known before any of them
// takes memory.
func TestSplit_largerThanTheBuffer(t *testing.T) {
	for name, perEvent := range map[string]settings.Toggle{"parts": settings.On, "a message per event": settings.Off} {
		t.Run(name, func(t *testing.T) {
			s := limited(numberedBase+4*numberedEvent, math.MaxInt64)
			s.SendAsBatch = perEvent
			o := through(t, s, numbered(100))
			require.NoError(t, o.err)
			total := int64(0)
			for _, m := range o.messages {
				total += int64(size(m))
			}

			s.Delivery.MaxBufferedBytes = total
			require.NoError(t, through(t, s, numbered(100)).err)
			s.Delivery.MaxBufferedBytes = total - 1
			o = through(t, s, numbered(100))
			assert.Empty(t, o.messages)
			assert.Equal(t, &TooLargeError{Event: -1, Size: total, Limit: total - 1}, o.err)
		})
	}
}

// A huge envelope and many events would be terabytes of messages.
func TestSplit_sizesBeforeItAllocates(t *testing.T) {
	envelope := strings.Repeat("x", 900_000)
	in := `{"mpid":1,"e":"` + envelope + `","events":[` + strings.Repeat(`{"event_type":"opt_out"},`, 20_000) + `{"event_type":"opt_out"}]}`
	b, err := batch.Parse([]byte(in))
	require.NoError(t, err)
	for _, s := range []settings.Settings{{}, with("send_as_batch")} {
		p := newPipeline(s.WithDefaults(), nil)
		p.maxMessage = 900_500
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err = p.outlineOf(t.Context(), b)
		runtime.ReadMemStats(&after)
		var large *TooLargeError
		require.ErrorAs(t, err, &large)
		assert.Equal(t, -1, large.Event)
		assert.Greater(t, large.Size, int64(1e9))
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2e6))
	}
}

func TestEncode_key(t *testing.T) {
	for mpid, want := range map[string]string{
		`7`: "7", `"7"`: "7", `-7636538281262557001`: "-7636538281262557001", `"-7636538281262557001"`: "-7636538281262557001",
		`9223372036854775807`: "9223372036854775807", `"-9223372036854775808"`: "-9223372036854775808", `-0`: "", `"\u0037"`: "7",
		`null`: "", `""`: "", `0`: "", `"0"`: "",
	} {
		for _, s := range []settings.Settings{keepAll(), with("send_as_batch"), limited(numberedBase+100, math.MaxInt64)} {
			o := through(t, s, strings.Replace(numbered(3), "-12", mpid, 1))
			require.NoError(t, o.err, mpid)
			for _, m := range o.messages {
				assert.Equal(t, want, string(m.key), mpid)
				assert.Equal(t, want == "", m.key == nil, "%s: no user id is no key, never an empty one", mpid)
			}
		}
	}
	for _, m := range through(t, with("send_as_batch"), `{"events":[{"event_type":"opt_out"},{"event_type":"opt_out"}]}`).messages {
		assert.Nil(t, m.key, "no mpid at all")
	}
}

// The user id is read before filters run, and they cannot change it.
func TestEncode_keyIsNotTheFilters(t *testing.T) {
	o := through(t, keepAll(), `{"mpid":7}`, filter("rename", func(_ context.Context, b *batch.Batch) error {
		assert.Error(t, b.At("mpid").Set(8))
		assert.Error(t, b.At("mpid").Remove())
		return nil
	}))
	assert.Equal(t, `{"mpid":7}`, o.value(t))
	assert.Equal(t, "7", string(o.messages[0].key))
}

// Keys and values share a buffer, but appending to one never writes into
// another.
func TestEncode_valuesStandAlone(t *testing.T) {
	for _, s := range []settings.Settings{keepAll(), with("send_as_batch"), limited(numberedBase+100, math.MaxInt64)} {
		o := through(t, s, numbered(3))
		before := o.values()
		for _, m := range o.messages {
			_ = append(m.key, "xxxxxxxxxx"...)
			_ = append(m.value, "xxxxxxxxxx"...)
		}
		assert.Equal(t, before, o.values())
	}
}

func TestDigits(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 99, 100, 12345, math.MaxInt} {
		assert.Equal(t, len(strconv.Itoa(n)), digits(n))
	}
}
