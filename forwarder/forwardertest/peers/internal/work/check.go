package work

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/eventferry/eventferry/partition"
)

// A Checker is given what was read from the topic, partition by partition, and
// finds what is missing, twice, changed, out of order or in another partition
// than Kafka's Java client would have chosen.
type Checker struct {
	byKey      map[string]*seen
	partitions int32
	total      int64
	err        error
}

type seen struct {
	item *Item
	last uint64
}

// NewChecker returns a checker of what was made of items, which it changes, in
// a topic of so many partitions.
func NewChecker(items []*Item, partitions int32) *Checker {
	c := &Checker{byKey: make(map[string]*seen, len(items)), partitions: partitions}
	for _, i := range items {
		c.byKey[string(i.Key)] = &seen{item: i}
	}
	return c
}

// Add takes the next message of a partition.
func (c *Checker) Add(at int32, key, value []byte) {
	c.total++
	if c.err != nil {
		return
	}
	s := c.byKey[string(key)]
	if s == nil {
		c.err = fmt.Errorf("work: a message has the key %q of nobody", key)
		return
	}
	if want := partition.Murmur2(key, c.partitions); at != want {
		c.err = fmt.Errorf("work: a message of user %s is in partition %d instead of %d", key, at, want)
		return
	}
	want := s.item.Value
	if len(value) != len(want) {
		c.err = fmt.Errorf("work: a message of user %s has %d bytes instead of %d", key, len(value), len(want))
		return
	}
	digits := value[s.item.inValue : s.item.inValue+Digits]
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || n != s.last+1 {
		c.err = fmt.Errorf("work: user %s: message %s follows message %d", key, digits, s.last)
		return
	}
	s.last = n
	put(want[s.item.inValue:], n)
	if !bytes.Equal(value, want) {
		c.err = fmt.Errorf("work: message %d of user %s is not the one that was sent", n, key)
	}
}

// End tells the first thing wrong; sent is how many were acknowledged.
func (c *Checker) End(sent int64) error {
	if c.err == nil && c.total != sent {
		return fmt.Errorf("work: %d messages were acknowledged, %d are in the topic", sent, c.total)
	}
	return c.err
}

// Values are those of items.
func Values(items []*Item) [][]byte {
	return slices.Collect(func(yield func([]byte) bool) {
		for _, i := range items {
			if !yield(i.Value) {
				return
			}
		}
	})
}
