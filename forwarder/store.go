package forwarder

import (
	"context"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// Store filters b, encodes it and writes it to the spool. Nil means that b is
// synced to the local disk and will be in Kafka once, in the user's order, also when
// the process is killed, brokers fail or the power is cut; or that a filter or a setting dropped it, which
// [Observer].Done says. [Observer].Settled tells its end in Kafka. b is the
// caller's again when Store returns.
//
// Without a spool the error is [ErrNoSpool]. While the spool is full Store waits
// for room, in order of arrival, until ctx ends: then the error wraps
// [spool.ErrFull], and b is not sent. If ctx ends while the disk syncs, b is
// [Unknown], and [DeliveryError.Wait] tells whether it was stored. Other errors
// are those of [Forwarder.Forward] before it sends anything, and the disk's:
// [NotSent] where the disk has confirmed that b is not on it, Unknown otherwise.
//
// A tag is stored in the same record as b, so it is known after a crash exactly if b
// is stored: [spool.Spool.Known] reports whether a batch with its id was, and
// [spool.Spool.Position] how far a file was read. Only the first tag counts. A batch
// that is dropped leaves none. Of a tag come the errors [spool.ErrTooManyFiles] and
// [spool.ErrReadAgain].
//
// Calls share syncs: 64 callers store many times as many batches a second as one.
// Of one user's batches, the one whose call began after another was accepted is
// written after it.
func (f *Forwarder) Store(ctx context.Context, b *batch.Batch, tag ...spool.Tag) error {
	return f.forwardOne(ctx, b, true, tag)
}

// StoreAll stores a slice of batches in order, and waits for the disk once. It
// returns what [Forwarder.ForwardAll] returns, with the errors of
// [Forwarder.Store]. tags[i] is for bs[i]; there may be fewer tags than batches.
func (f *Forwarder) StoreAll(ctx context.Context, bs []*batch.Batch, tags ...spool.Tag) []error {
	return f.forwardAll(ctx, bs, true, tags)
}

// StoreAsync is Store without the wait for the disk: see
// [Forwarder.ForwardAsync]. done gets the error that Store would have returned. Only
// the first tag counts.
func (f *Forwarder) StoreAsync(ctx context.Context, b *batch.Batch, done func(error), tag ...spool.Tag) {
	f.forwardAsync(ctx, b, done, true, tag)
}

// tagOf returns the tag of a batch; nil if it has none.
func tagOf(tags []spool.Tag, i int) *spool.Tag {
	if i < len(tags) {
		return &tags[i]
	}
	return nil
}

// Spool returns the spool of the forwarder, from [WithSpool] or the setting
// spool.dir, for its statistics and its refused messages; nil if there is none.
// Do not close one that the setting has opened: [Forwarder.Close] does.
func (f *Forwarder) Spool() *spool.Spool {
	if f.spool == nil {
		return nil
	}
	return f.spool().spool
}
