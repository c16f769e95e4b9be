package work

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/eventferry/eventferry/partition"
)

// A Checker takes the messages that were read from a topic, partition by
// partition, and finds those that are missing, twice, changed, out of order or in
// another partition than Kafka's Java client would have chosen.
type Checker struct {
	byKey      map[string]*seen
	partitions int32
	otherBytes bool
	total      int64
	err        error
}

type seen struct {
	item *Item
	last uint64
}

// NewChecker returns a checker of the messages made of items, which it changes,
// in a topic of so many partitions.
func NewChecker(items []*Item, partitions int32) *Checker {
	c := &Checker{byKey: make(map[string]*seen, len(items)), partitions: partitions}
	for _, i := range items {
		c.byKey[string(i.Key)] = &seen{item: i}
	}
	return c
}

// AllowOtherBytes has c compare what messages mean instead of their bytes, for
// contenders that write them with a JSON library. Members that are null
// or empty may be missing.
func (c *Checker) AllowOtherBytes() { c.otherBytes = true }

// Add takes the next message of a partition.
func (c *Checker) Add(at int32, key, value []byte) {
	c.total++
	if c.err != nil {
		return
	}
	s := c.byKey[string(key)]
	if s == nil {
		c.err = fmt.Errorf("work: a message has the key %q, which no user has", key)
		return
	}
	if want := partition.Murmur2(key, c.partitions); at != want {
		c.err = fmt.Errorf("work: a message of user %s is in partition %d instead of %d", key, at, want)
		return
	}
	c.err = c.compare(s, value)
}

// compare takes the next message of a user.
func (c *Checker) compare(s *seen, value []byte) error {
	key, want, number := s.item.Key, s.item.Value, s.item.inValue
	switch {
	case c.otherBytes:
		if number = numberIn(value); number < 0 {
			return fmt.Errorf("work: a message of user %s has no number", key)
		}
	case len(value) != len(want):
		return fmt.Errorf("work: a message of user %s has %d bytes instead of %d", key, len(value), len(want))
	}
	digits := value[number : number+Digits]
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || n != s.last+1 {
		return fmt.Errorf("work: user %s: message %s follows message %d", key, digits, s.last)
	}
	s.last = n
	put(want[s.item.inValue:], n)
	if !bytes.Equal(value, want) && !(c.otherBytes && sameMembers(value, want)) {
		return fmt.Errorf("work: message %d of user %s is not the one that was sent", n, key)
	}
	return nil
}

// End returns the first fault found; sent is the number of acknowledged
// messages.
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
