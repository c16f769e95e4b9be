package spoolstore

import (
	"encoding/binary"
	"iter"
	"maps"
	"math"
	"math/bits"
	"slices"
)

// A Range is the message numbers [First, Next).
type Range struct{ First, Next uint64 }

// Len is how many numbers r has.
func (r Range) Len() int { return int(r.Next - r.First) } //nolint:gosec // bounded by what is on the disk

// portions iterates over the numbers of the list, up to limit of them at a time.
func portions(list []Range, limit int) iter.Seq[[]Range] {
	return func(yield func([]Range) bool) {
		var part []Range
		room := limit
		for _, r := range list {
			for r.First < r.Next {
				head := Range{r.First, min(r.Next, r.First+uint64(room))} //nolint:gosec // positive
				part, room, r.First = append(part, head), room-head.Len(), head.Next
				if room > 0 {
					continue
				}
				if !yield(part) {
					return
				}
				part, room = nil, limit
			}
		}
		if len(part) > 0 {
			yield(part)
		}
	}
}

const (
	chunkShift = 16
	chunkSize  = 1 << chunkShift
)

// numbers is a set of message numbers, made for sets that are dense: chunks
// that are full take a few bytes, others eight kilobytes.
type numbers struct {
	floor  uint64 // all below are in the set; a multiple of chunkSize
	chunks map[uint64]*numberChunk
}

type numberChunk struct {
	count int
	bits  *[chunkSize / 64]uint64 // nil: full
}

func newNumbers() *numbers { return &numbers{chunks: map[uint64]*numberChunk{}} }

// add adds r and returns how many of its numbers are new.
func (n *numbers) add(r Range) int {
	added := 0
	r.First = max(r.First, n.floor)
	n.each(r, func(key uint64, from, to int) {
		c := n.chunks[key]
		if c == nil {
			if c = new(numberChunk); to-from < chunkSize {
				c.bits = new([chunkSize / 64]uint64)
			} else {
				c.count = chunkSize
				added += chunkSize
			}
			n.chunks[key] = c
		}
		if c.bits == nil {
			return
		}
		was := c.count
		words(from, to, func(word int, mask uint64) {
			c.count += bits.OnesCount64(mask &^ c.bits[word])
			c.bits[word] |= mask
		})
		added += c.count - was
		if c.count == chunkSize {
			c.bits = nil
		}
	})
	for c := n.chunks[n.floor>>chunkShift]; c != nil && c.bits == nil; c = n.chunks[n.floor>>chunkShift] {
		delete(n.chunks, n.floor>>chunkShift)
		n.floor += chunkSize
	}
	return added
}

// has reports whether number is in the set.
func (n *numbers) has(number uint64) bool {
	c := n.chunks[number>>chunkShift]
	if number < n.floor || c == nil || c.bits == nil {
		return number < n.floor || c != nil
	}
	at := number % chunkSize
	return c.bits[at/64]&(1<<(at%64)) != 0
}

// dropBelow forgets numbers below this one, a chunk at a time.
func (n *numbers) dropBelow(number uint64) {
	maps.DeleteFunc(n.chunks, func(key uint64, _ *numberChunk) bool { return key < number>>chunkShift })
}

// count returns how many numbers of r are in the set.
func (n *numbers) count(r Range) int {
	total := 0
	if r.First < n.floor {
		total = Range{r.First, min(r.Next, n.floor)}.Len()
		r.First = n.floor
	}
	n.each(r, func(key uint64, from, to int) {
		c := n.chunks[key]
		switch {
		case c == nil:
		case c.bits == nil:
			total += to - from
		default:
			words(from, to, func(word int, mask uint64) { total += bits.OnesCount64(c.bits[word] & mask) })
		}
	})
	return total
}

// each calls f for each chunk that r touches, with the part of it.
func (n *numbers) each(r Range, f func(key uint64, from, to int)) {
	for at := r.First; at < r.Next; {
		key := at >> chunkShift
		end := min(r.Next, (key+1)<<chunkShift)
		f(key, int(at%chunkSize), int(end-key<<chunkShift)) //nolint:gosec // below chunkSize
		at = end
	}
}

// words calls f for each word of the bits [from, to).
func words(from, to int, f func(word int, mask uint64)) {
	for at := from; at < to; {
		word := at / 64
		end := min(to, (word+1)*64)
		mask := ^uint64(0) << (at % 64)
		if end%64 != 0 {
			mask &= 1<<(end%64) - 1
		}
		f(word, mask)
		at = end
	}
}

// behindFull returns the first number behind number, which is in the set, that is not, or
// at which another chunk begins.
func (n *numbers) behindFull(number uint64) uint64 {
	if number < n.floor {
		return n.floor
	}
	c := n.chunks[number>>chunkShift]
	if c.bits == nil {
		return (number>>chunkShift + 1) << chunkShift
	}
	return number&^(chunkSize-1) + uint64(c.nextBit(int(number%chunkSize), math.MaxUint64)) //nolint:gosec // below chunkSize
}

// nextFull returns the first number behind number, which is not in the set, that is, or at
// which another chunk begins.
func (n *numbers) nextFull(number uint64) uint64 {
	c := n.chunks[number>>chunkShift]
	if c == nil {
		return (number>>chunkShift + 1) << chunkShift
	}
	return number&^(chunkSize-1) + uint64(c.nextBit(int(number%chunkSize), 0)) //nolint:gosec // below chunkSize
}

// missing returns the first range in r that is not in the set.
func (n *numbers) missing(r Range) Range {
	for r.First < r.Next && n.has(r.First) {
		r.First = min(r.Next, n.behindFull(r.First))
	}
	end := r.First
	for end < r.Next && !n.has(end) {
		end = min(r.Next, n.nextFull(end))
	}
	return Range{r.First, end}
}

// allMissing returns all ranges in r that are not in the set.
func (n *numbers) allMissing(r Range) []Range {
	var list []Range
	for r.First < r.Next {
		gap := n.missing(r)
		if gap.First < gap.Next {
			list = append(list, gap)
		}
		r.First = gap.Next
	}
	return list
}

// maxRuns is how many runs of numbers a chunk has at most that is encoded by them: they
// take less than its bits do.
const maxRuns = chunkSize / 8 / (2 * binary.MaxVarintLen64)

// runs bounds the number of runs in c, by the fewer of the numbers that are in the set
// and those that are not.
func (c *numberChunk) runs() int { return min(c.count, chunkSize-c.count) + 1 }

// fewRuns reports whether c is encoded by its runs: between two openings of a spool
// numbers are left out, so that each leaves a chunk of which nearly all is in the set.
func (c *numberChunk) fewRuns() bool { return c.bits != nil && c.runs() <= maxRuns }

// eachRun yields the runs [from, to) of numbers in the set, by their place in c.
func (c *numberChunk) eachRun(yield func(from, to int) bool) {
	for at := 0; at < chunkSize; {
		from := c.nextBit(at, 0)
		if from == chunkSize {
			return
		}
		at = c.nextBit(from, math.MaxUint64)
		if !yield(from, at) {
			return
		}
	}
}

// nextBit returns the first place from at on that is in the set, or, with all bits of
// flipped, that is not; chunkSize: there is none.
func (c *numberChunk) nextBit(at int, flipped uint64) int {
	for word := at / 64; word < len(c.bits); word++ {
		w := (c.bits[word] ^ flipped) &^ (1<<(at%64) - 1)
		if w != 0 {
			return word*64 + bits.TrailingZeros64(w)
		}
		at = 0
	}
	return chunkSize
}

// runsOfFew returns the numbers in the chunks that have few runs.
func (n *numbers) runsOfFew() []Range {
	var list []Range
	for _, key := range slices.Sorted(maps.Keys(n.chunks)) {
		c := n.chunks[key]
		if !c.fewRuns() {
			continue
		}
		for from, to := range c.eachRun {
			list = append(list, Range{key<<chunkShift + uint64(from), key<<chunkShift + uint64(to)}) //nolint:gosec // not negative
		}
	}
	return list
}

// appendTo encodes the set, without the chunks that are left out.
func (n *numbers) appendTo(dst []byte, leaveOut func(*numberChunk) bool) []byte {
	keys := slices.Sorted(maps.Keys(n.chunks))
	keys = slices.DeleteFunc(keys, func(key uint64) bool { return leaveOut(n.chunks[key]) })
	dst = binary.AppendUvarint(dst, n.floor)
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	for _, key := range keys {
		c := n.chunks[key]
		dst = binary.AppendUvarint(dst, key)
		if c.bits == nil {
			dst = append(dst, 1)
			continue
		}
		dst = append(dst, 0)
		for _, word := range c.bits {
			dst = binary.LittleEndian.AppendUint64(dst, word)
		}
	}
	return dst
}

// size bounds the length of what appendTo appends, and of the runs of the chunks that
// are left out.
func (n *numbers) size(leaveOut func(*numberChunk) bool) int {
	size := 2 * binary.MaxVarintLen64
	for _, c := range n.chunks {
		size += binary.MaxVarintLen64 + 1
		switch {
		case c.bits == nil:
		case leaveOut(c):
			size += 2 * binary.MaxVarintLen64 * c.runs()
		default:
			size += chunkSize / 8
		}
	}
	return size
}

// readNumbers decodes what appendTo has encoded.
func readNumbers(r *reader) *numbers {
	n := newNumbers()
	n.floor = r.number() &^ (chunkSize - 1)
	for range r.uvarint() {
		if r.failed {
			break
		}
		key := r.uvarint()
		if key > maxNumber>>chunkShift {
			r.rest, r.failed = nil, true
			break
		}
		if full := r.byte(); full == 1 {
			n.chunks[key] = &numberChunk{count: chunkSize}
			continue
		}
		b := r.take(chunkSize / 8)
		if b == nil {
			break
		}
		c := &numberChunk{bits: new([chunkSize / 64]uint64)}
		for i := range c.bits {
			c.bits[i] = binary.LittleEndian.Uint64(b[8*i:])
			c.count += bits.OnesCount64(c.bits[i])
		}
		n.chunks[key] = c
	}
	return n
}
