package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"sync/atomic"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A Forwarder delivers batches. It is what the receiver needs of a
// [*forwarder.Forwarder]; the methods keep what they promise there.
type Forwarder interface {
	// Forward delivers a batch and waits for the outcome.
	Forward(ctx context.Context, b *batch.Batch) error
	// ForwardAll delivers batches, accepts them in order, and returns nil or one
	// error for each.
	ForwardAll(ctx context.Context, bs []*batch.Batch) []error
}

// A storer is a forwarder that can have a spool.
type storer interface {
	Store(ctx context.Context, b *batch.Batch, tag ...spool.Tag) error
	StoreAll(ctx context.Context, bs []*batch.Batch, tags ...spool.Tag) []error
	Spool() *spool.Spool // nil: it has none
}

var _ storer = (*forwarder.Forwarder)(nil) // else 2xx would no longer mean stored

// A Receiver takes batches over HTTP and gives them to a forwarder. [New] makes
// one; its handlers may be mounted in any server, and serve any number of requests
// at once.
type Receiver struct {
	keeper   keeper
	feeds    Feeds
	options  configuration
	deadline *deadlineClock
	room     room
	seen     *seenTable
	bulks    *bulkMemory
	log      *sparseLog
	counts   counts
	tls      atomic.Pointer[tls.Config] // of the last server
}

// New returns a receiver that gives batches to f: to its method Store, which keeps
// them on disk, if f has a spool, and else to Forward, which waits for Kafka. It
// starts nothing, and there is nothing to close: a receiver is of no more use once f
// is closed, and answers 503 then.
//
// All mistakes in feeds and options are reported together.
func New(f Forwarder, feeds Feeds, opts ...Option) (*Receiver, error) {
	o := newConfiguration(opts)
	err := o.check()
	if f == nil {
		err = errors.Join(err, errors.New("receiver: the forwarder is nil"))
	}
	if feeds == nil {
		err = errors.Join(err, errors.New("receiver: there are no feeds: give those of StaticFeeds, or a function"))
	}
	if err != nil {
		return nil, err
	}
	r := &Receiver{
		keeper:   keeper{now: o.now},
		feeds:    feeds,
		options:  o,
		deadline: &deadlineClock{within: o.deadline},
		room:     room{requests: int64(o.limits.Requests), bytes: o.limits.BytesInFlight},
		seen:     newSeenTable(o.limits.Remembered),
		bulks:    newBulkMemory(),
		log:      newSparseLog(o.logger),
	}
	if s, ok := f.(storer); ok && s.Spool() != nil {
		r.keeper.forward, r.keeper.forwardAll, r.keeper.known = s.Store, s.StoreAll, s.Spool().Known
		return r, nil
	}
	r.keeper.forward = func(ctx context.Context, b *batch.Batch, _ ...spool.Tag) error { return f.Forward(ctx, b) }
	r.keeper.forwardAll = func(ctx context.Context, bs []*batch.Batch, _ ...spool.Tag) []error { return f.ForwardAll(ctx, bs) }
	return r, nil
}
