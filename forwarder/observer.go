package forwarder

import (
	"context"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/watch"
)

// An Observer gets the outcome of batches, and why delivery waits. Any of its
// functions may be nil. They are called from many goroutines at once and must not block, nor
// close the forwarder, which waits for them, nor end their goroutine. A panic in
// one is not recovered. Functions may be added in later versions, so name the
// fields you set.
//
// With several observers ([WithObserver] adds up) each function of the first is
// called before that of the second, and so on.
type Observer struct {
	// Opened is called once, by [New] or [NewRoutes] before it returns the forwarder,
	// on the same goroutine, and before any other function.
	Opened func(OpenedInfo)

	// Closed is called once, by the Close or the Shutdown that ends the forwarder,
	// when nothing of it runs any more and no other function will be called.
	Closed func()

	// Begun is called once for every batch given to Forward, ForwardAsync or
	// ForwardAll, or to Store, StoreAsync or StoreAll, before anything is done with
	// it, on the goroutine of the call. The context that it returns goes to the
	// filters, the functions of [WithHeaders], Done and Settled, and to the Begun of
	// the next observer; derive it from the one given, to which it may add values. The
	// caller's own context goes on governing the wait. Nil stands for the context
	// given.
	//
	// b is the caller's, nil if the caller gave nil. Read it, and neither edit nor
	// keep it.
	Begun func(ctx context.Context, b *batch.Batch) context.Context

	// Done is called once for every batch given to Forward, ForwardAsync or
	// ForwardAll, or to Store, StoreAsync or StoreAll, with the error its caller
	// gets.
	Done func(context.Context, ForwardInfo)

	// Settled is called once more for a batch whose Done reported messages as
	// unknown because its caller stopped waiting: when the last of them is
	// decided. Err is then the final outcome, nil if all is acknowledged.
	// It comes after that Done.
	//
	// With a spool it is called for each batch whose Done reported it as stored,
	// or whose Done a former process has seen, when the last of its messages has
	// ended in Kafka or was refused. Of such a batch it knows SpoolID, the
	// messages that ended in this process, without their events, Duration since
	// the batch was accepted, and Err. With [NewRoutes] it is called for each topic
	// that the batch has messages in, which these name; a [Failure] then counts
	// Message among those of the topic.
	Settled func(context.Context, ForwardInfo)

	// Waiting is called for a partition when delivery to it has made no
	// progress for a while, within 5 seconds and delivery.linger; when the cause
	// changes; and every 30 seconds as long as it lasts. The context is the
	// forwarder's own. The same is logged, one line for each cause.
	Waiting func(context.Context, WaitInfo)

	// Resumed is called once for the end of each wait that Waiting was called for,
	// whatever the number of its calls: within about 2 seconds, or by Close or
	// Shutdown. So a gauge of partitions that wait can count up at the first Waiting of
	// a partition and down at its Resumed. The context is the forwarder's own.
	Resumed func(context.Context, ResumedInfo)

	// Doubted is called when stored messages may be in Kafka already and nothing can
	// tell, once for each record batch, and at a start once for all if the spool has
	// lost what it knew. The context is no call's. The same is logged.
	Doubted func(context.Context, DoubtInfo)
}

// OpenedInfo describes a forwarder that can be used from now on. Fields may be
// added.
type OpenedInfo struct {
	Topics []string     // the one of the settings, or those of the routes in their order
	Stats  func() Stats // of the forwarder: see [Forwarder.Stats]
}

// WaitInfo says why the messages for one partition wait. Fields may be added.
type WaitInfo struct {
	Topic     string    // with [NewRoutes], the topic; else empty
	Partition int32     // -1: the topic's partitions are not known yet, or the spool cannot be read
	Since     time.Time // of the last acknowledgement, or of acceptance if that came later; at the earliest of the start
	Cause     error     // never nil
	Next      string    // what is tried next
}

// ResumedInfo says how a wait has ended. Fields may be added.
type ResumedInfo struct {
	Topic        string        // with [NewRoutes], the topic; else empty
	Partition    int32         // -1: the topic's partitions were not known, or the spool could not be read
	Since        time.Time     // as in the first [WaitInfo] of the wait
	Duration     time.Duration // of the wait, known to about a second
	Cause        error         // as in the last WaitInfo
	Acknowledged bool          // delivery goes on; false: nothing is left to wait for, as it was refused, withdrawn or given a partition
}

// DoubtInfo is about stored messages that may be in Kafka already, which nothing can
// tell: SPOOL.md lists when. Fields may be added.
type DoubtInfo struct {
	Topic     string // with [NewRoutes], the topic; empty: not known
	Partition int32  // -1: not known
	Messages  int    // how many, of one record batch, or all that the spool holds
	Held      bool   // they were moved to the refused part (spool.Hold); false: they are sent again, and may be twice
	Cause     error  // never nil
}

// and returns an Observer whose functions call those of o, then those of next.
func (o Observer) and(next Observer) Observer {
	return Observer{
		Opened:  openBoth(o.Opened, next.Opened),
		Closed:  closeBoth(o.Closed, next.Closed),
		Begun:   begunBoth(o.Begun, next.Begun),
		Done:    callBoth(o.Done, next.Done),
		Settled: callBoth(o.Settled, next.Settled),
		Waiting: callBoth(o.Waiting, next.Waiting),
		Resumed: callBoth(o.Resumed, next.Resumed),
		Doubted: callBoth(o.Doubted, next.Doubted),
	}
}

func openBoth(f, g func(OpenedInfo)) func(OpenedInfo) {
	return oneOrBoth(f, g, f != nil, g != nil, func(info OpenedInfo) {
		f(info)
		g(info)
	})
}

func closeBoth(f, g func()) func() {
	return oneOrBoth(f, g, f != nil, g != nil, func() {
		f()
		g()
	})
}

func callBoth[T any](f, g func(context.Context, T)) func(context.Context, T) {
	return oneOrBoth(f, g, f != nil, g != nil, func(ctx context.Context, info T) {
		f(ctx, info)
		g(ctx, info)
	})
}

func begunBoth(f, g func(context.Context, *batch.Batch) context.Context) func(context.Context, *batch.Batch) context.Context {
	return oneOrBoth(f, g, f != nil, g != nil, func(ctx context.Context, b *batch.Batch) context.Context {
		return begunContext(begunContext(ctx, f, b), g, b)
	})
}

// oneOrBoth returns both if f and g are set, and otherwise the one that is, or nil.
func oneOrBoth[F any](f, g F, hasF, hasG bool, both F) F {
	switch {
	case !hasF:
		return g
	case !hasG:
		return f
	default:
		return both
	}
}

// begunContext returns the context that begun gives, or ctx if it gives none.
func begunContext(ctx context.Context, begun func(context.Context, *batch.Batch) context.Context, b *batch.Batch) context.Context {
	if begun == nil {
		return ctx
	}
	if own := begun(ctx, b); own != nil {
		return own
	}
	return ctx
}

// reportResumed returns Resumed as package watch calls it for a topic; nil if there
// is none.
func (o Observer) reportResumed(topic string) func(context.Context, watch.Ended) {
	if o.Resumed == nil {
		return nil
	}
	return func(ctx context.Context, e watch.Ended) {
		o.Resumed(ctx, ResumedInfo{
			Topic: topic, Partition: e.Partition, Since: e.Since, Duration: e.Duration, Cause: e.Cause, Acknowledged: e.Acknowledged,
		})
	}
}

// reportWait returns Waiting as package watch calls it for a topic; nil if there is
// none.
func (o Observer) reportWait(topic string) func(context.Context, watch.Info) {
	if o.Waiting == nil {
		return nil
	}
	return func(ctx context.Context, i watch.Info) {
		o.Waiting(ctx, WaitInfo{Topic: topic, Partition: i.Partition, Since: i.Since, Cause: i.Cause, Next: i.Next})
	}
}

// ForwardInfo describes the outcome of one batch. Fields may be added.
type ForwardInfo struct {
	Events   int           // events of the batch as it was given
	NoBatch  bool          // it has neither events nor any other member of mParticle's format: probably no batch
	Dropped  []Dropped     // events and batches left out, in the order it happened
	Messages []Message     // the acknowledged ones, in message order; none when Store has returned nil: Settled has them
	Duration time.Duration // from the call to its end
	Err      error         // the error that the caller gets for the batch

	// SpoolID names a stored batch, also in later processes: Done and Settled of
	// the same batch have the same. It grows in the order of storing. 0: the batch
	// is not in a spool. Only Done gets the batch's events and drops: an observer that
	// needs them in Settled keeps them by this id.
	SpoolID uint64
}

// Dropped is a part of a batch that one filter or setting left out. Names and reasons
// are constants, never data, so they can be used as metric labels.
type Dropped struct {
	Filter string // as given to [WithFilter], or the key of the setting; "event_type" for types that are never forwarded
	Reason string
	Events int  // how many events; all that were left when Batch is true
	Batch  bool // the batch as a whole: nothing of it was sent
}

// Message is one acknowledged message.
type Message struct {
	Topic     string // with [NewRoutes], the topic; else empty
	Partition int32
	Offset    int64 // -1 when the broker said only that it has the message already
	Events    int
	Bytes     int // of the value, before compression
}
