package partition

import (
	"fmt"
	"math/rand/v2"

	"github.com/IBM/sarama"
)

// A Func places a key: it returns an index in [0, partitions), always the same
// one for the same key and number. It must be safe for concurrent use and must
// neither keep nor change key. An empty and a nil key are the same key.
//
// The functions of this package return -1, which is no partition, if
// partitions is less than 1.
type Func func(key []byte, partitions int32) int32

// ByUser makes partitioners that place a message by its key with f; nil means
// [Murmur2]. Each message without a key goes to a random partition, uniformly
// among those that have a leader now. A message with a key goes to the partition
// of f whether or not that has a leader, since another partition would break the
// order.
//
// A message has no key if Key itself is nil. A [sarama.ByteEncoder] without
// bytes and [sarama.StringEncoder]("") are the empty key: f sends all such
// messages to one partition, as Sarama's and Java's partitioners do.
//
// The partitioners implement [sarama.DynamicConsistencyPartitioner] and are
// safe for concurrent use. Partition returns an error if there is no partition
// to choose from, if the key cannot be encoded, or if f leaves its range.
func ByUser(f Func) sarama.PartitionerConstructor {
	if f == nil {
		f = Murmur2
	}
	return func(string) sarama.Partitioner { return byUser{f} }
}

type byUser struct{ place Func }

var _ sarama.DynamicConsistencyPartitioner = byUser{}

// Partition implements [sarama.Partitioner]. If m has no key, the producer
// counts only partitions with a leader in partitions.
func (p byUser) Partition(m *sarama.ProducerMessage, partitions int32) (int32, error) {
	if partitions < 1 {
		return -1, fmt.Errorf("partition: choosing among %d partitions: %w", partitions, sarama.ErrInvalidPartition)
	}
	if m.Key == nil {
		return rand.Int32N(partitions), nil
	}
	key, err := m.Key.Encode()
	if err != nil {
		return -1, fmt.Errorf("partition: encoding the key: %w", err)
	}
	i := p.place(key, partitions)
	if i < 0 || i >= partitions {
		return -1, fmt.Errorf("partition: the function chose %d of %d partitions: %w", i, partitions, sarama.ErrInvalidPartition)
	}
	return i, nil
}

// RequiresConsistency implements [sarama.Partitioner].
func (byUser) RequiresConsistency() bool { return true }

// MessageRequiresConsistency implements [sarama.DynamicConsistencyPartitioner]:
// only a message with a key may wait for a partition without a leader.
func (byUser) MessageRequiresConsistency(m *sarama.ProducerMessage) bool { return m.Key != nil }
