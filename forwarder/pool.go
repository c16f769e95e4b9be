package forwarder

import (
	"math/bits"
	"sync"
)

// A pool keeps the memory of values that Kafka has acknowledged, for those to
// come: clearing fresh memory, and fetching it into the processor's caches, costs
// as much as writing a value. The zero value is ready for use.
//
// It has a shelf for each of four sizes between two powers of two, so that no
// buffer is more than a quarter larger than the value in it.
type pool struct {
	shelves [4 * (mostPooled - leastPooled)]sync.Pool
}

const (
	leastPooled = 8  // of buffers, as powers of two: smaller ones are cheap
	mostPooled  = 20 // larger ones are rare
)

// take returns an empty buffer with room for size bytes.
func (p *pool) take(size int) *[]byte {
	shelf, room := shelfFor(size)
	if shelf >= 0 {
		if b, ok := p.shelves[shelf].Get().(*[]byte); ok {
			return b
		}
	}
	b := make([]byte, 0, room)
	return &b
}

// put takes back an empty buffer from take. Its memory must not be read or
// written any more.
func (p *pool) put(b *[]byte) {
	if shelf, room := shelfFor(cap(*b)); shelf >= 0 && room == cap(*b) {
		p.shelves[shelf].Put(b)
	}
}

// shelfFor returns where buffers for size bytes are, and how large they are. The
// index is negative when none are kept.
func shelfFor(size int) (index, room int) {
	if size <= 1<<leastPooled || size > 1<<mostPooled {
		return -1, size
	}
	power := bits.Len(uint(size-1)) - 1 // 2^power < size <= 2^(power+1)
	step := power - 2
	quarter := (size - 1 - 1<<power) >> step
	return 4*(power-leastPooled) + quarter, 1<<power + (quarter+1)<<step
}
