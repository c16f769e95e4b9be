package forwarder

import "context"

// A spoolRoom bounds the memory of stored batches whose calls of ForwardAsync wait
// for Kafka: nothing else bounds how many of them there are. Calls that block bound
// themselves, and Store waits for the disk only, which never depends on this.
type spoolRoom struct{ buffer *buffer }

// A roomState says whether a batch has taken room.
type roomState = int32

const (
	roomNotTaken roomState = iota
	roomTaken
	roomNotNeeded // its caller has the outcome already
)

// take waits until there is room for k, or ctx ends. It returns no error, since k is
// stored in either case.
func (r spoolRoom) take(ctx context.Context, k *storedBatch) {
	if r.buffer.take(ctx, k.waits) != nil {
		return
	}
	if !k.room.CompareAndSwap(roomNotTaken, roomTaken) {
		r.buffer.release(k.waits)
	}
}

// giveBack is called when the caller of k has its outcome.
func (r spoolRoom) giveBack(k *storedBatch) {
	if k.room.Swap(roomNotNeeded) == roomTaken {
		r.buffer.release(k.waits)
	}
}
