package forwarder

import "github.com/eventferry/eventferry/batch"

// An eventSet is a set of events by their position in the batch as it was parsed.
// The first 64 take no memory of their own.
type eventSet struct {
	first uint64
	more  []uint64
}

// eventsOf returns the events that are left of b.
func eventsOf(b *batch.Batch) eventSet {
	var s eventSet
	for _, e := range b.Events() {
		i := e.Index()
		if i < 64 {
			s.first |= 1 << i
			continue
		}
		for len(s.more) < i/64 {
			s.more = append(s.more, 0)
		}
		s.more[i/64-1] |= 1 << (i % 64)
	}
	return s
}

// has reports whether event i is in the set.
func (s *eventSet) has(i int) bool {
	if i < 64 {
		return s.first&(1<<i) != 0
	}
	return i/64 <= len(s.more) && s.more[i/64-1]&(1<<(i%64)) != 0
}
