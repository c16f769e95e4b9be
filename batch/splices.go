package batch

import "slices"

// splices is a list of splices in order, none overlapping. There is a gap in it
// where the last one was put, so that a pass of edits in order, forwards or
// backwards, costs the same wherever other edits were made before.
type splices struct {
	list     []splice
	gap, end int // list[gap:end] is unused
}

func (l *splices) len() int { return len(l.list) - (l.end - l.gap) }

func (l *splices) at(i int) *splice {
	if i >= l.gap {
		i += l.end - l.gap
	}
	return &l.list[i]
}

// insert puts s before the splice at i.
func (l *splices) insert(i int, s splice) {
	if l.gap == l.end {
		l.grow()
	}
	l.move(i)
	l.list[l.gap] = s
	l.gap++
}

// replace puts s in the place of the splices from lo up to but without hi.
func (l *splices) replace(lo, hi int, s splice) {
	if lo == hi {
		l.insert(lo, s)
		return
	}
	if hi-lo > 1 {
		l.move(hi)
		clear(l.list[lo+1 : l.gap])
		l.gap = lo + 1
	}
	*l.at(lo) = s
}

// move moves the gap before the splice at i.
func (l *splices) move(i int) {
	if d := l.gap - i; d > 0 {
		copy(l.list[l.end-d:l.end], l.list[i:l.gap])
		l.gap, l.end = i, l.end-d
	} else if d < 0 {
		copy(l.list[l.gap:], l.list[l.end:l.end-d])
		l.gap, l.end = i, l.end-d
	}
}

// usualSplices are enough for the usual edits, and four times as many for one in
// each event as well.
const usualSplices = 6

// grow makes the gap larger when it is used up.
func (l *splices) grow() {
	n := len(l.list)
	size := 2 * n
	switch n {
	case 0:
		size = usualSplices
	case usualSplices:
		size = 4 * usualSplices
	}
	list := make([]splice, size)
	copy(list, l.list[:l.gap])
	copy(list[len(list)-(n-l.end):], l.list[l.end:])
	l.list, l.end = list, len(list)-(n-l.end)
}

// clone returns a copy.
func (l *splices) clone() splices {
	if l.len() == 0 {
		return splices{}
	}
	list := slices.Concat(l.list[:l.gap], l.list[l.end:])
	return splices{list, len(list), len(list)}
}
