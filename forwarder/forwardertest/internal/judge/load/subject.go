package load

import (
	"context"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A subject is what is judged: a forwarder, or something broken in its place.
type subject interface {
	storer
	Forward(ctx context.Context, b *batch.Batch) error
	ForwardAll(ctx context.Context, bs []*batch.Batch) []error
	ForwardAsync(ctx context.Context, b *batch.Batch, done func(error))
	Shutdown(ctx context.Context) error
	Close() error
}

// A storer is a subject's way into its spool.
type storer interface {
	Store(ctx context.Context, b *batch.Batch, tag ...spool.Tag) error
	StoreAll(ctx context.Context, bs []*batch.Batch, tags ...spool.Tag) []error
	StoreAsync(ctx context.Context, b *batch.Batch, done func(error), tag ...spool.Tag)
}
