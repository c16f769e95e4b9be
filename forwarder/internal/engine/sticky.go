package engine

import (
	"math/rand/v2"
)

// A stickyPartition chooses the partition of messages without a key: the same
// one until a record batch of it is sealed, then another (KIP-480, KIP-794). One
// message at a time would make a small record batch in each partition.
type stickyPartition struct {
	rand       *rand.Rand
	partition  int32 // noPartition: to be chosen
	bytes      int   // that were placed there
	candidates []int32
}

// maxStickyBytes go to one partition before another is chosen although no record
// batch was sealed: it is not known when that will happen.
const maxStickyBytes = 128 << 10

func newStickyPartition(r *rand.Rand) stickyPartition {
	return stickyPartition{rand: r, partition: noPartition}
}

// keep counts messages of this size to the current partition, and reports false
// if that is full.
func (k *stickyPartition) keep(size, maxRecordBatch int) bool {
	if k.bytes+size > min(maxStickyBytes, maxRecordBatch) {
		return false
	}
	k.bytes += size
	return true
}

// choose takes another partition at random: among the first kind of which there
// is any.
func (k *stickyPartition) choose(size int, count int32, kinds ...func(partition int32) bool) int32 {
	for _, fits := range kinds {
		k.candidates = k.candidates[:0]
		for i := range count {
			if fits(i) {
				k.candidates = append(k.candidates, i)
			}
		}
		if len(k.candidates) > 0 {
			break
		}
	}
	k.partition, k.bytes = k.candidates[k.rand.IntN(len(k.candidates))], size
	return k.partition
}

// sealed makes the next message choose another partition, if it was this one
// whose record batch was sealed.
func (k *stickyPartition) sealed(partition int32) {
	if k.partition == partition {
		k.partition = noPartition
	}
}
