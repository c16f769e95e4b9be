package forwarder_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// Dead-letter, requeue, or wait. The first batch is one that the filter can never
// edit, the second one for which it needs something that is away. The context of the
// third has ended before the batch was sent, so that it can be sent again without a
// doubt.
func ExampleDeliveryError() {
	decide := func(ctx, later context.Context, f *forwarder.Forwarder, b *batch.Batch) string {
		err := f.Forward(ctx, b)
		if d, ok := errors.AsType[*forwarder.DeliveryError](err); ok {
			err = d.Wait(later) // for what is unknown; it sends nothing
		}
		switch {
		case err == nil: // acknowledged, or dropped by a filter or a setting
			return "done"
		case forwarder.Kept(err): // in the spool, if there is one: it is on its way
			return "done"
		case forwarder.Permanent(err): // it can never succeed
			return "dead-letter"
		case errors.As(err, new(*forwarder.FilterError)), errors.As(err, new(*forwarder.HeaderError)):
			return "requeue a few times, then dead-letter" // nothing was sent, but it may fail each time
		case forwarder.NothingSent(err): // sending it again cannot duplicate it
			return "requeue"
		default: // it may be in Kafka: sending it again may duplicate it
			return "requeue or report"
		}
	}

	ctx := context.Background()
	f := start(ctx, forwarder.WithFilterFunc("origin", func(_ context.Context, b *batch.Batch) error {
		if _, known := b.UserID(); !known {
			return errors.New("the service that knows origins is away")
		}
		return batch.MarkPermanent(b.At("user_attributes", "origin").Set("web"))
	}))
	defer f.Close()
	fmt.Println(decide(ctx, ctx, f, parse(`{"mpid":7,"user_attributes":"text where an object should be"}`)))
	fmt.Println(decide(ctx, ctx, f, parse(`{"events":[{"event_type":"screen_view"}]}`)))
	ended, end := context.WithCancel(ctx)
	end()
	fmt.Println(decide(ended, ctx, f, parse(`{"mpid":7,"events":[{"event_type":"screen_view"}]}`)))
	// Output:
	// dead-letter
	// requeue a few times, then dead-letter
	// requeue
}

// The result is nil when all is well, so its length says nothing: the entries
// that are not nil count.
func ExampleForwarder_ForwardAll() {
	ctx := context.Background()
	f := start(ctx, forwarder.WithFilterFunc("none of user 8", func(_ context.Context, b *batch.Batch) error {
		if id, _ := b.UserID(); id == 8 {
			return errors.New("user 8 has no region")
		}
		return batch.Drop("an example without Kafka")
	}))
	defer f.Close()

	failed := 0
	for i, err := range f.ForwardAll(ctx, []*batch.Batch{parse(`{"mpid":7}`), parse(`{"mpid":8}`)}) {
		if err != nil {
			fmt.Println("batch", i, "failed:", err)
			failed++
		}
	}
	fmt.Println(failed, "failed")
	fmt.Println(f.ForwardAll(ctx, []*batch.Batch{parse(`{"mpid":7}`)}) == nil)
	// Output:
	// batch 1 failed: forwarder: filter "none of user 8": user 8 has no region
	// 1 failed
	// true
}

// Counters by filter and reason, which are constants. The functions run on many
// goroutines at once.
func ExampleObserver() {
	var mu sync.Mutex
	dropped := map[string]int{}
	observer := forwarder.Observer{
		Done: func(_ context.Context, i forwarder.ForwardInfo) {
			mu.Lock()
			defer mu.Unlock()
			for _, d := range i.Dropped {
				dropped[d.Filter+": "+d.Reason] += d.Events
			}
		},
		Waiting: func(_ context.Context, w forwarder.WaitInfo) {
			fmt.Println("partition", w.Partition, "waits:", w.Cause, "next:", w.Next)
		},
	}

	ctx := context.Background()
	f := start(ctx, forwarder.WithObserver(observer), forwarder.WithFilterFunc("all", func(context.Context, *batch.Batch) error {
		return batch.Drop("an example without Kafka")
	}))
	defer f.Close()
	_ = f.Forward(ctx, parse(`{"mpid":7,"events":[{"event_type":"user_attribute_change"},{"event_type":"my_own"},{"event_type":"screen_view"}]}`))
	for what, events := range dropped {
		fmt.Println(what, events)
	}
	// Unordered output:
	// include_user_attribute_change_events: switched off 1
	// event_type: event type is not forwarded 1
	// all: an example without Kafka 1
}
