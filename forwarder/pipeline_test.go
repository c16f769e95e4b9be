package forwarder

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

const twoEvents = `{"mpid":7,"events":[{"data":{"event_name":"a"},"event_type":"custom_event"},{"data":{"event_name":"b"},"event_type":"custom_event"}]}`

// dropNamed is a caller's filter that drops events.
func dropNamed(filterName, reason, eventName string) namedFilter {
	return filter(filterName, func(_ context.Context, b *batch.Batch) error {
		b.DropEvents(reason, func(e batch.Event) bool { return e.Name() == eventName })
		return nil
	})
}

func TestPipeline_orderOfWork(t *testing.T) {
	s := with("send_network_performance_events", "ip_address", "unique_id", "send_batches_without_events")
	in := `{"ip":"203.0.113.9","unique_id":"old","events":[{"event_type":"network_performance"},{"event_type":"pre_attribution"},{"event_type":"opt_out"}]}`

	var seen []string
	look := func(name string) namedFilter {
		return filter(name, func(_ context.Context, b *batch.Batch) error {
			seen = append(seen, name)
			assert.Equal(t, 1, b.NumEvents(), "events are dropped before the caller's filters run")
			ip, ok := b.At("ip").Text()
			assert.True(t, ok && ip == "203.0.113.9", "what a setting removes is still there for the caller's filters")
			id, _ := b.At("unique_id").Text()
			assert.Equal(t, "old", id, "unique_id is set after the caller's filters")
			return nil
		})
	}
	o := through(t, s, in, look("first"), look("second"))
	assert.Equal(t, []string{"first", "second"}, seen)
	assert.Equal(t, `{"unique_id":"shop <42> \"Zürich\"","events":[{"event_type":"opt_out"}]}`, o.value(t))

	// Send Batches without Events judges what the caller's filters have left.
	o = through(t, s, in, filter("all", func(_ context.Context, b *batch.Batch) error {
		b.DropEvents("all of them", func(batch.Event) bool { return true })
		return nil
	}))
	require.NoError(t, o.err)
	assert.Empty(t, o.messages)
	assert.Equal(t, []Dropped{
		{Filter: "event_type", Reason: "event type is not forwarded", Events: 1},
		{Filter: "send_network_performance_events", Reason: "switched off", Events: 1},
		{Filter: "all", Reason: "all of them", Events: 1},
		{Filter: "send_batches_without_events", Reason: "no events left", Batch: true},
	}, o.dropped)
}

// A filter cannot put back what a setting removes, nor overrule unique_id.
func TestPipeline_settingsHaveTheLastWord(t *testing.T) {
	s := with("ip_address", "include_location_information", "include_event_batch_location", "include_metadata", "include_mp_device_id", "unique_id")
	o := through(t, s, `{"events":[{"data":{},"event_type":"crash_report"}],"context":{}}`, filter("restore", func(_ context.Context, b *batch.Batch) error {
		for _, err := range []error{
			b.At("ip").Set("203.0.113.9"),
			b.At("mp_deviceid").Set("d"),
			b.At("device_info", "device").Set("Ann's phone"),
			b.At("context", "location", "latitude").Set(1),
			b.At("unique_id").Set("mine"),
		} {
			require.NoError(t, err)
		}
		for _, e := range b.Events() {
			require.NoError(t, e.At("data", "location", "latitude").Set(1))
			require.NoError(t, e.At("data", "breadcrumbs").Set([]any{map[string]any{"data": map[string]any{"location": 1}}}))
		}
		return nil
	}))
	assert.Equal(t, `{"events":[{"data":{"breadcrumbs":[{"data":{}}]},"event_type":"crash_report"}],"context":{},"unique_id":"shop <42> \"Zürich\""}`, o.value(t))
}

// Every call works on a copy of its own, which shows neither in the batch nor
// in another call.
func TestPipeline_privateCopy(t *testing.T) {
	p := newPipeline(settings.Settings{}.WithDefaults(), []namedFilter{filter("edit", func(_ context.Context, b *batch.Batch) error {
		if b.At("seen").Exists() {
			return errors.New("another call's copy")
		}
		b.DropEvents("test", func(e batch.Event) bool { return e.Name() == "a" })
		return b.At("seen").Set(true)
	})})
	b, err := batch.Parse([]byte(twoEvents))
	require.NoError(t, err)
	require.Equal(t, 1, b.DropEvents("before", func(e batch.Event) bool { return e.Name() == "b" }))
	before := string(b.AppendJSON(nil))

	for range 3 {
		o, dropped, err := p.outlineOf(t.Context(), b)
		require.NoError(t, err)
		assert.Equal(t, `{"mpid":7,"events":[],"seen":true}`, string(encodeAll(&o)[0].value))
		assert.Equal(t, []Dropped{{Filter: "edit", Reason: "test", Events: 1}}, dropped, "only what this call dropped")
	}
	assert.Equal(t, before, string(b.AppendJSON(nil)))
	assert.False(t, b.At("seen").Exists())
}

// One batch may be given to many calls at once.
func TestPipeline_concurrentCalls(t *testing.T) {
	p := newPipeline(with("unique_id", "include_location_information", "send_as_batch").WithDefaults(), []namedFilter{dropNamed("names", "name a", "a")})
	b, err := batch.Parse([]byte(twoEvents))
	require.NoError(t, err)
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			for range 50 {
				o, dropped, err := p.outlineOf(t.Context(), b)
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, []Dropped{{Filter: "names", Reason: "name a", Events: 1}}, dropped)
				assert.Equal(t, `{"mpid":7,"events":[{"data":{"event_name":"b"},"event_type":"custom_event"}],"unique_id":"shop <42> \"Zürich\""}`, string(encodeAll(&o)[0].value))
			}
		})
	}
	calls.Wait()
	assert.Equal(t, twoEvents, string(b.AppendJSON(nil)))
}

func TestPipeline_drop(t *testing.T) {
	sample := filter("sample", func(context.Context, *batch.Batch) error { return batch.Drop("not in the sample") })
	never := filter("never", func(context.Context, *batch.Batch) error {
		assert.Fail(t, "a filter ran after the batch was dropped")
		return nil
	})
	o := through(t, settings.Settings{}, twoEvents, dropNamed("names", "name a", "a"), sample, never)
	require.NoError(t, o.err)
	assert.Empty(t, o.messages)
	assert.Equal(t, []Dropped{
		{Filter: "names", Reason: "name a", Events: 1},
		{Filter: "sample", Reason: "not in the sample", Events: 1, Batch: true},
	}, o.dropped)

	wrapped := filter("wrapped", func(context.Context, *batch.Batch) error { return fmt.Errorf("why: %w", batch.Drop("wrapped")) })
	o = through(t, settings.Settings{}, twoEvents, wrapped)
	require.NoError(t, o.err)
	assert.Equal(t, []Dropped{{Filter: "wrapped", Reason: "wrapped", Events: 2, Batch: true}}, o.dropped)
}

func TestPipeline_nothingDropped(t *testing.T) {
	o := through(t, settings.Settings{}, twoEvents, dropNamed("names", "name c", "c"))
	assert.Equal(t, twoEvents, o.value(t))
	assert.Nil(t, o.dropped)
}
