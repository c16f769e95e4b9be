// Package choose applies the hash that places users.
package choose

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/partition"
)

// Partition returns the partition of key among count partitions, which must be
// at least 1. A nil hash is Murmur2. hash may be the caller's code: a panic in it
// and a partition that does not exist are errors, so that no message stays undecided.
func Partition(hash partition.Func, key []byte, count int32) (chosen int32, err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case endedGoroutine:
			chosen, err = -1, errors.New("choosing a partition: the function did not return: it has ended its goroutine")
		default:
			chosen, err = -1, fmt.Errorf("choosing a partition: panicked (%T)", v)
		}
	}()
	if hash == nil {
		hash = partition.Murmur2
	}
	chosen = hash(key, count)
	if chosen < 0 || chosen >= count {
		return -1, fmt.Errorf("choosing a partition: the function chose %d of %d: %w", chosen, count, sarama.ErrInvalidPartition)
	}
	return chosen, nil
}
