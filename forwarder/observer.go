package forwarder

import (
	"context"
	"time"
)

// An Observer is told what happens to batches. Any of its functions may be
// nil. They are called from many goroutines at once and must not block, nor
// close the forwarder, which waits for them, nor end their goroutine. A panic in
// one is not recovered. Functions may be added in later versions, so name the
// fields you set.
type Observer struct {
	// Done is called once for every batch given to Forward, ForwardAsync or
	// ForwardAll, with the error its caller gets.
	Done func(context.Context, ForwardInfo)

	// Settled is called once more for a batch whose Done reported messages as
	// unknown because its caller stopped waiting: when the last of them is
	// decided. Err is then the final outcome, nil if all is acknowledged.
	// It comes after that Done.
	Settled func(context.Context, ForwardInfo)

	// Waiting is called for a partition when delivery to it has made no
	// progress for a while, within 5 seconds and delivery.linger; when the cause
	// changes; and every 30 seconds as long as it lasts. The context is the
	// forwarder's own. The same is logged, one line for each cause.
	Waiting func(context.Context, WaitInfo)
}

// WaitInfo says why the messages for one partition wait. Fields may be added.
type WaitInfo struct {
	Partition int32     // -1: the topic's partitions are not known yet
	Since     time.Time // of the last acknowledgement, or of acceptance if that came later
	Cause     error     // never nil
	Next      string    // what is tried next
}

// ForwardInfo describes what became of one batch. Fields may be added.
type ForwardInfo struct {
	Events   int           // events of the batch as it was given
	Dropped  []Dropped     // what was left out, in the order it happened
	Messages []Message     // what was acknowledged, in message order
	Duration time.Duration // from the call to its end
	Err      error         // what the caller gets for the batch
}

// Dropped is what one filter or setting left out of a batch. Names and reasons
// are constants, never data, so they can be used as metric labels.
type Dropped struct {
	Filter string // as given to [WithFilter], or the key of the setting; "event_type" for types that are never forwarded
	Reason string
	Events int  // how many events; all that were left when Batch is true
	Batch  bool // the batch as a whole: nothing of it was sent
}

// Message is one acknowledged message.
type Message struct {
	Partition int32
	Offset    int64 // -1 when the broker told only that it has it already
	Events    int
	Bytes     int // of the value, before compression
}
