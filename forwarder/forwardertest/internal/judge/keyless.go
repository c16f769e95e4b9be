package judge

import (
	"cmp"
	"slices"
	"time"
)

// stickyTime is longer than messages without a key go to one partition by one choice
// while nothing is wrong: until what has gathered for it is sealed as one record
// batch (KIP-480).
const stickyTime = 20 * time.Millisecond

// A choice is the partition of a message without a key.
type choice struct {
	at        time.Time
	partition int32
}

// choices counts them by partition. What goes to the same one in so short a time
// that it may be in one record batch is one choice, not many: counted one by
// one, a few large batches would look like a preference.
func choices(seen []choice, partitions int) []int {
	slices.SortStableFunc(seen, func(a, b choice) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.partition, b.partition))
	})
	counts, newest := make([]int, partitions), make([]time.Time, partitions)
	for _, s := range seen {
		if p := int(s.partition); counts[p] == 0 || s.at.Sub(newest[p]) >= stickyTime {
			counts[p]++
			newest[p] = s.at
		}
	}
	return counts
}
