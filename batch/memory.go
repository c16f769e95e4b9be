package batch

import "reflect"

// MemorySize is for package forwarder, which bounds the memory of batches that
// wait. It returns about how many bytes a batch keeps alive: its text, what Parse
// noted about that, itself, and for its edits, if it has any, as much as it is long.
// The rest of a larger buffer that the text is a part of is not counted.
func (b *Batch) MemorySize() int {
	n := size[roomyBatch]() + len(b.base.Text()) + cap(b.members)*size[memberSpan]() + cap(b.events)*size[eventSpan]()
	if b.edits > 0 {
		n += b.Size()
	}
	return n
}

func size[T any]() int { return int(reflect.TypeFor[T]().Size()) }
