package batch

// A bitset holds one bit for each event. Those behind the first 64 need memory
// of their own, once one of them is in.
type bitset struct {
	first uint64
	more  []uint64
}

func (s *bitset) has(i int) bool {
	if i < 64 {
		return s.first>>i&1 == 1
	}
	word := i/64 - 1
	return word < len(s.more) && s.more[word]>>(i%64)&1 == 1
}

func (s *bitset) add(i, size int) {
	if i < 64 {
		s.first |= 1 << i
		return
	}
	if s.more == nil {
		s.more = make([]uint64, (size-1)/64)
	}
	s.more[i/64-1] |= 1 << (i % 64)
}
