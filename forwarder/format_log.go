package forwarder

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/eventferry/eventferry/batch"
)

// A formatLog logs what batches hold and mParticle's format does not list, each
// kind once. Payload stays out of the log: an event is named by its position.
type formatLog struct {
	logger *slog.Logger
	seed   maphash.Seed

	noBatchLogged atomic.Bool

	mu    sync.RWMutex
	types map[uint64]struct{} // hashes of the unlisted types that were met, and one more than are logged
}

// maxUnlistedTypes bounds how many unlisted types are logged, and remembered.
const maxUnlistedTypes = 100

func newFormatLog(logger *slog.Logger) *formatLog {
	return &formatLog{logger: logger, seed: maphash.MakeSeed(), types: map[uint64]struct{}{}}
}

// check logs what is new about b, as its caller gave it, and reports whether it
// looks like a batch.
func (l *formatLog) check(ctx context.Context, b *batch.Batch) bool {
	for e := range b.UnlistedEvents() {
		l.unlisted(ctx, b, e)
	}
	if b.HasKnownMembers() {
		return true
	}
	if l.noBatchLogged.CompareAndSwap(false, true) {
		l.logger.WarnContext(ctx, "a batch has neither events nor any other member of mParticle's format: is it a batch? "+
			"It counts as one without events; later ones like it are not logged", slog.Any("batch", b))
	}
	return false
}

// unlisted logs the first event of a type that is not forwarded.
func (l *formatLog) unlisted(ctx context.Context, b *batch.Batch, e batch.Event) {
	hash := maphash.String(l.seed, e.Type())
	if l.seen(hash) {
		return
	}
	switch n := l.add(hash); {
	case n == 0: // another call was faster
	case n <= maxUnlistedTypes:
		l.logger.WarnContext(ctx, "an event is dropped because its type is not forwarded: later events of that type are not logged",
			slog.String("position", fmt.Sprintf("events[%d].event_type", e.Index())), slog.Any("batch", b))
	default:
		l.logger.WarnContext(ctx, "an event is dropped because its type is not forwarded: no further types are logged",
			slog.Int("types", maxUnlistedTypes))
	}
}

// seen reports whether there is nothing to log about a type any more.
func (l *formatLog) seen(hash uint64) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.isSeen(hash)
}

func (l *formatLog) isSeen(hash uint64) bool {
	_, ok := l.types[hash]
	return ok || len(l.types) > maxUnlistedTypes
}

// add returns how many types there are with a new one, or 0 if it is not new.
func (l *formatLog) add(hash uint64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isSeen(hash) {
		return 0
	}
	l.types[hash] = struct{}{}
	return len(l.types)
}
