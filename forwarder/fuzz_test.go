package forwarder

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

// Any batch through any settings comes out as the slow reference says, and cut
// into parts of any size its messages carry every event that is left, once and
// in order.
func FuzzPipeline(f *testing.F) {
	for i, events := range []int{0, 1, 2} {
		f.Add(testbatch.Batches(1, events, 3)[0], uint16(1<<i), uint16(900*i), uint64(i), uint64(i)<<40|0x0123456789)
	}
	for _, seed := range []string{
		`{}`, twoEvents, numbered(20), ` { "events" : [ ] , "context" : { "location" : 1 } } `,
		`{"events":[{"data":{"breadcrumbs":[{"data":{"location":1}},2],"lo\u0063ation":3},"event_type":"crash_report"}],"ip":"1","ip":2,"unique_id":3,"unique_id":4}`,
		`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":{"":{"data":{"location":1}}}}}]}`,
		`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}},"b":{"x":[],"x":1,"data":[],"data":{"location":2}}}}}}}},"data":[[{"data":{"location":1}}]]}}}]}`,
		`{"mp_deviceid":1,"device_info":{"device":2},"application_info":3,"events":[{"event_type":"network_performance"},{"event_type":"?"},{"event_type":"NETWORK_Performance"},{"event_type":"user_attribute_change"},{"event_type":"user_identity_change","data":null}]}`,
	} {
		f.Add([]byte(seed), uint16(math.MaxUint16), uint16(200), uint64(0), uint64(0x7654321076543213))
		f.Add([]byte(seed), uint16(0), uint16(90), uint64(5), uint64(0x20))
	}
	keys := slices.Sorted(maps.Keys(switches))
	f.Fuzz(func(t *testing.T, data []byte, on, room uint16, drop, types uint64) {
		if _, err := batch.Parse(data); err != nil || len(data) > 1<<14 {
			t.Skip("not a batch, or one that takes the reference too long")
		}
		var turned []string
		for i, key := range keys {
			if on>>i&1 == 1 {
				turned = append(turned, key)
			}
		}
		s := with(turned...)
		agree(t, s, string(data), fmt.Sprint(turned))
		agree(t, s, string(data), fmt.Sprintf("%v, retyped by %#x", turned, types), retyping(types))

		s.SendBatchesWithoutEvents = settings.On
		some := filter("some", func(_ context.Context, b *batch.Batch) error {
			b.DropEvents("some", func(e batch.Event) bool { return drop>>(e.Index()%64)&1 == 1 })
			return nil
		})
		s.SendAsBatch = settings.On
		whole := through(t, s, string(data), some).value(t)

		s.Delivery.MaxMessageBytes = 200 + int(room)
		s.Delivery.MaxBufferedBytes = math.MaxInt64
		for _, asBatch := range []settings.Toggle{settings.On, settings.Off} {
			s.SendAsBatch = asBatch
			checkParts(t, through(t, s, string(data), some), whole, s)
		}
	})
}

// retyping gives types to the first 16 events, by four bits each.
func retyping(bits uint64) map[int]string {
	types := map[int]string{}
	for i := range 16 {
		switch bits >> (4 * i) & 15 {
		case 1, 2:
			types[i] = batch.CrashReport
		case 3:
			types[i] = batch.CustomEvent
		case 4:
			types[i] = batch.NetworkPerformance
		case 5:
			types[i] = batch.UserAttributeChange
		case 6:
			types[i] = batch.UserIdentityChange
		case 7:
			types[i] = "not one of them"
		}
	}
	return types
}

// checkParts compares messages with the one message that they would be without
// limits.
func checkParts(t *testing.T, o outcome, whole string, s settings.Settings) {
	t.Helper()
	if o.err != nil {
		var large *TooLargeError
		require.ErrorAs(t, o.err, &large)
		assert.Greater(t, large.Size, large.Limit)
		assert.Empty(t, o.messages)
		return
	}
	var joined *node // the first message, with the events of all
	place := 0
	for i, m := range o.messages {
		assert.LessOrEqual(t, size(m), s.Delivery.MaxMessageBytes)
		assert.Equal(t, place, m.firstEvent)
		place += m.events
		part := parseTree(m.value)
		if i == 0 {
			joined = part
		} else {
			events := joined.all("events")[0]
			events.items = append(events.items, part.all("events")[0].items...)
			part.all("events")[0].items = events.items
			assert.Equal(t, joined.render(), part.render(), "every part repeats the envelope")
		}
		want := ""
		if s.SendAsBatch == settings.On && len(o.messages) > 1 {
			want = fmt.Sprintf("%d/%d", i+1, len(o.messages))
		}
		assert.Equal(t, want, m.part)
	}
	assert.Equal(t, compact([]byte(whole)), joined.render())
}
