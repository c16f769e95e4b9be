package judge

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

// A placement places keys as Kafka's Java clients do, by code that shares nothing
// with the partition package.
type placement struct{ partitioner kgo.TopicPartitioner }

func newPlacement() placement {
	return placement{kgo.StickyKeyPartitioner(nil).ForTopic("")}
}

func (p placement) of(key []byte, partitions int32) int32 {
	return int32(p.partitioner.Partition(&kgo.Record{Key: key}, int(partitions))) //nolint:gosec // less than partitions
}

// A bitset holds one bit for each id.
type bitset []uint64

func (s bitset) has(i uint32) bool { return int(i/64) < len(s) && s[i/64]>>(i%64)&1 == 1 }

func (s *bitset) add(i uint32) {
	for int(i/64) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}
