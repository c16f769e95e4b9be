package splice

import "slices"

// A spliceList holds splices in order, none overlapping. They are in chunks, and
// each chunk has a gap where the last one was put: so a pass of edits in order,
// forwards or backwards, costs the same wherever other edits were made before, and
// an edit anywhere moves no more than one chunk. No chunk is empty, save the only
// one. Mostly there is one: the others are kept apart, for the sake of that.
type spliceList struct {
	first chunk
	rest  *[]chunk
}

type chunk struct {
	list     []splice
	gap, end int // list[gap:end] is unused
}

// A spot is where a splice is in a list, or the end of the list.
type spot struct{ chunk, index int }

const (
	// usualSplices are enough for the usual edits, and four times as many for one in
	// each event as well.
	usualSplices = 6

	maxChunk = 512
)

// Room is memory for the splices of a usual number of edits.
type Room [usualSplices]splice

// use puts the first splices of an empty list in room.
func (l *spliceList) use(room *Room) { l.first = chunk{list: room[:], end: usualSplices} }

func (l *spliceList) isEmpty() bool { return l.rest == nil && l.first.len() == 0 }

// last returns the number of the last chunk.
func (l *spliceList) last() int {
	if l.rest == nil {
		return 0
	}
	return len(*l.rest)
}

func (l *spliceList) chunk(i int) *chunk {
	if i == 0 {
		return &l.first
	}
	return &(*l.rest)[i-1]
}

// insertChunk makes c the chunk with that number.
func (l *spliceList) insertChunk(i int, c chunk) {
	if l.rest == nil {
		l.rest = new([]chunk)
	}
	if i == 0 {
		i, c, l.first = 1, l.first, c
	}
	*l.rest = slices.Insert(*l.rest, i-1, c)
}

// removeChunks removes the chunks from lo up to but without hi, not the first.
func (l *spliceList) removeChunks(lo, hi int) {
	if *l.rest = slices.Delete(*l.rest, lo-1, hi-1); len(*l.rest) == 0 {
		l.rest = nil
	}
}

// get returns the splice at a spot, or nil at the end.
func (l *spliceList) get(at spot) *splice {
	c := l.chunk(at.chunk)
	if at.index == c.len() {
		return nil
	}
	return c.at(at.index)
}

func (l *spliceList) next(at spot) spot {
	at.index++
	if at.index == l.chunk(at.chunk).len() && at.chunk < l.last() {
		return spot{at.chunk + 1, 0}
	}
	return at
}

// previous returns the spot before another one. It reports false at the first.
func (l *spliceList) previous(at spot) (spot, bool) {
	switch {
	case at.index > 0:
		return spot{at.chunk, at.index - 1}, true
	case at.chunk > 0:
		return spot{at.chunk - 1, l.chunk(at.chunk-1).len() - 1}, true
	}
	return at, false
}

// after returns the spot of the first splice that ends behind pos, or the end.
func (l *spliceList) after(pos int) spot {
	lo, hi := 0, l.last()
	if c := l.chunk(hi); c.endsBy(pos) { // so it is mostly, as edits go from front to back
		return spot{hi, c.len()}
	}
	for lo < hi {
		if mid := (lo + hi) / 2; l.chunk(mid).endsBy(pos) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return spot{lo, l.chunk(lo).after(pos)}
}

// firstAfter returns the first splice that ends behind pos, or nil.
func (l *spliceList) firstAfter(pos int) *splice {
	c := &l.first
	if l.rest != nil {
		c = l.chunk(l.after(pos).chunk)
	}
	if c.endsBy(pos) {
		return nil
	}
	return c.at(c.after(pos))
}

// insert puts s before the splice at a spot.
func (l *spliceList) insert(at spot, s splice) {
	if l.chunk(at.chunk).isFull() {
		at = l.makeRoom(at)
	}
	l.chunk(at.chunk).insert(at.index, s)
}

// makeRoom makes room at a spot in a chunk that is full. It returns the spot as it
// is then.
func (l *spliceList) makeRoom(at spot) spot {
	c := l.chunk(at.chunk)
	switch half := maxChunk / 2; {
	case len(c.list) < maxChunk:
		c.grow()
		return at
	case at.index == maxChunk: // the end of the list
		l.insertChunk(at.chunk+1, newChunk(maxChunk))
		return spot{at.chunk + 1, 0}
	case at.index == 0 && at.chunk > 0 && !l.chunk(at.chunk-1).isFull():
		return spot{at.chunk - 1, l.chunk(at.chunk - 1).len()}
	case at.index == 0:
		l.insertChunk(at.chunk, newChunk(maxChunk))
		return at
	default:
		upper := newChunk(maxChunk)
		c.move(half)
		upper.gap = copy(upper.list, c.list[c.end:])
		clear(c.list[c.end:])
		c.end = maxChunk
		l.insertChunk(at.chunk+1, upper)
		if at.index > half {
			return spot{at.chunk + 1, at.index - half}
		}
		return at
	}
}

// replace puts s in the place of the splices from lo up to but without hi.
func (l *spliceList) replace(lo, hi spot, s splice) {
	if lo == hi {
		l.insert(lo, s)
		return
	}
	*l.get(lo) = s
	l.remove(l.next(lo), hi)
}

// remove removes the splices from lo up to but without hi, not the first of all.
func (l *spliceList) remove(lo, hi spot) {
	if lo == hi {
		return
	}
	if lo.chunk == hi.chunk {
		l.chunk(lo.chunk).remove(lo.index, hi.index)
	} else {
		l.chunk(lo.chunk).remove(lo.index, l.chunk(lo.chunk).len())
		l.chunk(hi.chunk).remove(0, hi.index)
	}
	first, end := lo.chunk+1, hi.chunk // of the chunks that are empty now
	if l.chunk(lo.chunk).len() == 0 {
		first--
	}
	if l.chunk(hi.chunk).len() == 0 {
		end++
	}
	if first < end {
		l.removeChunks(first, end)
	}
}

// copyTo copies the splices to a list that is empty.
func (l *spliceList) copyTo(c *spliceList) {
	for i := range l.last() + 1 {
		from := l.chunk(i)
		if n := from.len(); i == 0 && n <= len(c.first.list) {
			c.first.gap = copy(c.first.list, from.list[:from.gap])
			c.first.gap += copy(c.first.list[c.first.gap:], from.list[from.end:])
			continue
		}
		list := slices.Concat(from.list[:from.gap], from.list[from.end:])
		if copied := (chunk{list, len(list), len(list)}); i == 0 {
			c.first = copied
		} else {
			c.insertChunk(i, copied)
		}
	}
}

func newChunk(size int) chunk { return chunk{list: make([]splice, size), end: size} }

func (c *chunk) len() int { return len(c.list) - (c.end - c.gap) }

func (c *chunk) isFull() bool { return c.gap == c.end }

func (c *chunk) at(i int) *splice {
	if i >= c.gap {
		i += c.end - c.gap
	}
	return &c.list[i]
}

// endsBy reports whether all splices end at pos or before it.
func (c *chunk) endsBy(pos int) bool {
	n := c.len()
	return n == 0 || c.at(n-1).end() <= pos
}

// after returns the index of the first splice that ends behind pos. (A plain loop:
// what goes through package slices would have to live on the heap.)
func (c *chunk) after(pos int) int {
	lo, hi := 0, c.len()
	for lo < hi {
		if mid := (lo + hi) / 2; c.at(mid).end() <= pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// insert puts s before the splice at i. There is a gap.
func (c *chunk) insert(i int, s splice) {
	c.move(i)
	c.list[c.gap] = s
	c.gap++
}

// remove removes the splices from i up to but without j.
func (c *chunk) remove(i, j int) {
	if i < j {
		c.move(j)
		clear(c.list[i:c.gap])
		c.gap = i
	}
}

// move moves the gap before the splice at i.
func (c *chunk) move(i int) {
	if d := c.gap - i; d > 0 {
		copy(c.list[c.end-d:c.end], c.list[i:c.gap])
		c.gap, c.end = i, c.end-d
	} else if d < 0 {
		copy(c.list[c.gap:], c.list[c.end:c.end-d])
		c.gap, c.end = i, c.end-d
	}
}

// grow makes the gap larger when it is used up.
func (c *chunk) grow() {
	n := len(c.list)
	size := min(2*n, maxChunk)
	if n <= usualSplices {
		size = 4 * usualSplices
	}
	grown := make([]splice, size)
	copy(grown, c.list[:c.gap])
	copy(grown[size-(n-c.end):], c.list[c.end:])
	c.list, c.end = grown, size-(n-c.end)
}
