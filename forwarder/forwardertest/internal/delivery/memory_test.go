package delivery

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// A holding is a way in which a forwarder holds what Kafka does not take.
type holding struct {
	name string
	open func(t *testing.T, s settings.Settings) *forwarder.Forwarder
	give func(f *forwarder.Forwarder, ctx context.Context, b *batch.Batch)
	most int64 // batches that are given, or four times the limit; 0: until no more is accepted
}

func holdings() []holding {
	async := func(f *forwarder.Forwarder, ctx context.Context, b *batch.Batch) {
		f.ForwardAsync(ctx, b, func(error) {})
	}
	edits := forwarder.WithFilterFunc("edits", edit)
	withSpool := func(t *testing.T, s settings.Settings) *forwarder.Forwarder {
		s.Spool.Dir, s.Spool.MaxBytes = t.TempDir(), 1<<30
		return engine.start(t, s, edits)
	}
	singles := func(p delivering) func(t *testing.T, s settings.Settings) *forwarder.Forwarder {
		return func(t *testing.T, s settings.Settings) *forwarder.Forwarder {
			s.SendAsBatch = settings.Off
			return p.start(t, s, edits)
		}
	}
	routed := func(p delivering) func(t *testing.T, s settings.Settings) *forwarder.Forwarder {
		return func(t *testing.T, s settings.Settings) *forwarder.Forwarder {
			s.TopicName = ""
			f, err := forwarder.NewRoutes(within(t, time.Minute), s, routesTo(), append([]forwarder.Option{quiet(), edits}, p.options...)...)
			require.NoError(t, err)
			return f
		}
	}
	return []holding{
		{"engine", func(t *testing.T, s settings.Settings) *forwarder.Forwarder { return engine.start(t, s, edits) }, async, 0},
		{"Sarama's producer", func(t *testing.T, s settings.Settings) *forwarder.Forwarder { return stock.start(t, s, edits) }, async, 0},
		{"engine, a message for each event", singles(engine), async, 0},
		{"Sarama's producer, a message for each event", singles(stock), async, 0},
		{"routes", routed(engine), async, 0},
		{"routes, Sarama's producer", routed(stock), async, 0},
		{"spool, callers that wait for Kafka", withSpool, async, 0},
		{"spool, callers that do not", withSpool, func(f *forwarder.Forwarder, ctx context.Context, b *batch.Batch) {
			f.StoreAsync(ctx, b, func(error) {})
		}, 30_000},
	}
}

// What waits while no broker answers takes no more memory than the buffer may,
// whatever the size of the batches, with routes and with a spool, too: nothing else of
// theirs is worth counting.
func TestMemory_whatIsCountedIsWhatIsHeld(t *testing.T) {
	const limit, tolerance = 32 << 20, 1.3
	for name, size := range map[string]int{"eventless": 0, "100 bytes": 100, "1 KB": 1 << 10, "10 KB": 10 << 10} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && (size == 0 || size == 10<<10) {
				t.Skip("-short: those between show most")
			}
			for _, h := range holdings() {
				t.Run(h.name, func(t *testing.T) {
					k := newRoutedKafka(t)
					s := k.Settings()
					s.Delivery.MaxBufferedBytes = limit
					// What requests in flight take beside the buffer is bounded by their size. How
					// large the first ones are depends on what else the machine does.
					s.Delivery.MaxMessageBytes, s.Delivery.MaxRequestBytes = 100<<10, 128<<10
					f := h.open(t, s)
					b, err := batch.Parse(batchOf(size, 0))
					require.NoError(t, err)
					require.NoError(t, f.Forward(within(t, time.Minute), b)) // it has seen the topic
					defer k.Silence().Stop()
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					before := heapInUse()
					var accepted atomic.Int64
					full := make(chan struct{})
					go func() {
						defer close(full)
						for i := 0; ctx.Err() == nil && (h.most == 0 || int64(i) < min(h.most, 4*limit/int64(max(1, size)))); i++ {
							b, err := batch.Parse(batchOf(size, i))
							if !assert.NoError(t, err) {
								return
							}
							h.give(f, ctx, b)
							accepted.Add(1)
						}
					}()
					for last, same := int64(0), 0; same < 20; { // until nothing more is accepted
						<-time.After(20 * time.Millisecond)
						if n := accepted.Load(); n == last && n > 0 {
							same++
						} else {
							last, same = n, 0
						}
					}
					held := heapInUse() - before
					t.Logf("%d batches, %d bytes each: %.2f of the limit", accepted.Load(), held/max(1, accepted.Load()), float64(held)/limit)
					assert.Positive(t, accepted.Load())
					assert.LessOrEqual(t, float64(held), tolerance*limit)
					cancel()
					<-full
					require.NoError(t, f.Close())
				})
			}
		})
	}
}

// edit adds a large member and removes it again: memory that a filter takes is not
// kept beyond the call.
func edit(_ context.Context, b *batch.Batch) error {
	if err := b.At("scratch").Set(strings.Repeat("x", 5000)); err != nil {
		return err
	}
	return b.At("scratch").Remove()
}

// batchOf makes the text of a batch of about so many bytes; 0: without events.
func batchOf(size, i int) []byte {
	if size == 0 {
		return fmt.Appendf(nil, `{"mpid":%d}`, i+1)
	}
	event := `{"event_type":"custom_event","data":{"event_name":"%s"}}`
	chunk := 1000
	if size <= 1<<10 {
		chunk = 80
	}
	sale := `{"event_type":"commerce_event"},` // of another topic, if there are routes
	text := fmt.Sprintf(`{"mpid":%d,"events":[`, i+1) + sale
	for n := 0; len(text) < size; n++ {
		if n > 0 {
			text += ","
		}
		text += fmt.Sprintf(event, strings.Repeat("x", min(chunk, max(0, size-len(text)-60))))
	}
	return []byte(text + "]}")
}
