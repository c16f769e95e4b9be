package forwarder

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// Allocations do not depend on the machine, so these are exact: one for the
// output, and a fixed few for the batch.
func TestCost_allocations(t *testing.T) {
	def, perEvent := mustPipeline(t, settings.Settings{}), mustPipeline(t, settings.Settings{SendAsBatch: settings.Off})
	all := mustPipeline(t, with("include_location_information", "include_metadata", "include_mp_device_id", "include_event_batch_location", "ip_address"))
	for _, events := range []int{1, 10} {
		t.Run(fmt.Sprintf("%d events", events), func(t *testing.T) {
			data := undropped(t, 1, events)[0]
			b, err := batch.Parse(data)
			require.NoError(t, err)
			for _, c := range []struct {
				name string
				want int
				run  func()
			}{
				{"parse, clone, default switches, append", 5, func() { forwarding(t, def)(data) }},
				{"clone and default switches", 1, func() { filtered(t, def, b) }},
				{"encode one message", 3, func() { encoded(t, def, b) }},
				{"encode a message per event", 3, func() { encoded(t, perEvent, b) }},
			} {
				assert.Equal(t, c.want, int(testing.AllocsPerRun(20, c.run)), c.name)
			}
			// The list of what is cut grows now and then, and never by one for each event.
			assert.LessOrEqual(t, int(testing.AllocsPerRun(20, func() { filtered(t, all, b) })), 10)
		})
	}
}

// A filter that does nothing costs nothing.
func TestCost_nothingSwitchedOff(t *testing.T) {
	p := mustPipeline(t, keepAll(), filter("looks on", func(context.Context, *batch.Batch) error { return nil }))
	b, err := batch.Parse([]byte(twoEvents))
	require.NoError(t, err)
	assert.Equal(t, 1, int(testing.AllocsPerRun(20, func() { filtered(t, p, b) })))
}

func filtered(tb testing.TB, p *pipeline, b *batch.Batch) {
	if _, err := p.filter(tb.Context(), b.Clone()); err != nil {
		tb.Fatal(err)
	}
}

func encoded(tb testing.TB, p *pipeline, b *batch.Batch) {
	o, err := p.measured(b, nil)
	if err != nil {
		tb.Fatal(err)
	}
	encodeAll(&o)
}

// Forward allocates a call, which has its delivery in it, and the batch that it edits,
// however many events there are, and two lists when it drops some; its messages are in
// memory that has been used before. A call that has to wait takes a channel more.
func TestForward_allocations(t *testing.T) {
	dropFirst := filter("first", func(_ context.Context, b *batch.Batch) error {
		b.DropEvents("first", func(e batch.Event) bool { return e.Index() == 0 })
		return nil
	})
	for _, events := range []int{1, 10} {
		b, err := batch.Parse(undropped(t, 1, events)[0])
		require.NoError(t, err)
		for want, filters := range map[int][]namedFilter{2: nil, 4: {dropFirst}} {
			f := withProducer(t, prompt{}, func(s *settings.Settings, o *options) { *s, o.filters = settings.Settings{}, filters })
			run := func() { _ = f.Forward(context.Background(), b) }
			assert.Equal(t, want, int(testing.AllocsPerRun(100, run)), "%d events", events)
			require.NoError(t, f.Close())
		}
	}
}

// ForwardAsync allocates one more, for the goroutine of done, and three for a context
// that may end.
func TestForwardAsync_allocations(t *testing.T) {
	b, err := batch.Parse(undropped(t, 1, 10)[0])
	require.NoError(t, err)
	mayEnd, cancel := context.WithCancel(context.Background())
	defer cancel()
	for want, ctx := range map[int]context.Context{3: context.Background(), 6: mayEnd} {
		f := withProducer(t, prompt{}, func(s *settings.Settings, _ *options) { *s = settings.Settings{} })
		returned := make(chan struct{}, 1)
		done := func(error) { returned <- struct{}{} }
		run := func() {
			f.ForwardAsync(ctx, b, done)
			<-returned
		}
		assert.Equal(t, want, int(testing.AllocsPerRun(100, run)))
		require.NoError(t, f.Close())
	}
}

// A call is the largest allocation. Go's allocator adds 8 bytes to it, and takes 896
// bytes for the two, or else 1,024.
func TestAsyncCall_size(t *testing.T) {
	assert.LessOrEqual(t, reflect.TypeFor[asyncCall]().Size()+8, uintptr(896))
}

// An observer of outcomes costs a call one allocation, the list of its messages.
// Package forwarderotel, which adds two for its contexts, so stays within three.
func TestForward_allocationsObserved(t *testing.T) {
	b, err := batch.Parse(undropped(t, 1, 10)[0])
	require.NoError(t, err)
	for want, observer := range map[int]Observer{
		2: {Begun: func(ctx context.Context, _ *batch.Batch) context.Context { return ctx }},
		3: {Done: func(context.Context, ForwardInfo) {}},
	} {
		f := withProducer(t, prompt{}, func(s *settings.Settings, o *options) { *s, o.observer = settings.Settings{}, observer })
		assert.Equal(t, want, int(testing.AllocsPerRun(100, func() { _ = f.Forward(context.Background(), b) })))
		require.NoError(t, f.Close())
	}
}
