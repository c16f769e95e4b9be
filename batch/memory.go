package batch

import "reflect"

// MemorySize is for package forwarder, which bounds the memory of batches that
// wait. It returns about how many bytes a batch keeps alive: its text, what Parse
// noted about that, itself, and for its edits, if it has any, as much as it is long.
// The rest of a larger buffer that the text is a part of is not counted.
func (b *Batch) MemorySize() int {
	n := batchSize + len(b.base.Text()) + cap(b.members)*memberSize + cap(b.events)*eventSize
	if b.edits > 0 {
		n += b.Size()
	}
	return n
}

// Sizes are asked for once, as that is not free.
//
//nolint:gochecknoglobals // constants in all but name
var (
	batchSize  = size[roomyBatch]()
	memberSize = size[memberSpan]()
	eventSize  = size[eventSpan]()
)

func size[T any]() int { return int(reflect.TypeFor[T]().Size()) }
