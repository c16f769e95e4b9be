package splice

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A naive document is a list of edits that is gone through for everything.
type naive struct {
	text  []byte
	edits []naiveEdit
}

type naiveEdit struct {
	start, end int
	text       string // "": a cut
}

func (n *naive) put(e naiveEdit) {
	var kept []naiveEdit
	for _, old := range n.edits {
		if e.text == "" && old.text == "" && old.end == e.start {
			e.start = old.start // cuts that meet become one
			continue
		}
		if old.end <= e.start || old.start >= e.end {
			kept = append(kept, old)
			continue
		}
		e.start, e.end = min(e.start, old.start), max(e.end, old.end)
	}
	i := 0
	for i < len(kept) && kept[i].end <= e.start {
		i++
	}
	n.edits = slices.Insert(kept, i, e)
}

func (n *naive) append(from, to int) []byte {
	var out []byte
	for _, e := range n.edits {
		if e.end <= from || e.start >= to {
			continue
		}
		out = append(out, n.text[from:max(from, e.start)]...)
		out = append(out, e.text...)
		from = max(from, e.end)
	}
	return append(out, n.text[from:max(from, to)]...)
}

func (n *naive) at(pos int) (e naiveEdit, ok bool) {
	for _, e := range n.edits {
		if e.start <= pos && pos < e.end {
			return e, true
		}
	}
	return e, false
}

// checkList checks what holds of a list whatever was edited.
func checkList(t *testing.T, l *spliceList) {
	t.Helper()
	end := -1
	for i := range l.last() + 1 {
		c := l.chunk(i)
		require.True(t, c.len() > 0 || l.last() == 0, "chunk %d of %d is empty", i, l.last()+1)
		require.LessOrEqual(t, len(c.list), maxChunk)
		for k := range c.len() {
			s := c.at(k)
			require.GreaterOrEqual(t, s.start(), end)
			end = s.end()
		}
	}
	require.True(t, l.rest == nil || len(*l.rest) > 0)
}

func same(t *testing.T, want, got []byte, about string, args ...any) {
	t.Helper()
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	require.True(t, bytes.Equal(want, got), about+fmt.Sprintf(": differs at byte %d", i), args)
}

// Many edits in any order, large and small, do what they do when all of them are
// gone through each time.
func TestDocument_likeNaive(t *testing.T) {
	const cells, size = 4000, 4
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		text := bytes.Repeat([]byte(`"ab"`), cells)
		d, n := new(Document), &naive{text: text}
		d.SetText(text)
		if seed%2 == 0 {
			d.UseRoom(new(Room))
		}
		next, up := cells/2, rng.IntN(2) == 0
		for step := range 3000 {
			at, length := rng.IntN(cells), 1
			switch seed % 4 {
			case 1: // a pass in one direction, now and then from elsewhere
				if rng.IntN(500) == 0 {
					next, up = rng.IntN(cells), rng.IntN(2) == 0
				}
				if next++; !up {
					next -= 2
				}
				at = (next + cells) % cells
			case 2:
				if rng.IntN(50) == 0 {
					length = 1 + rng.IntN(1500)
				}
			}
			start, end := at*size, min(at+length, cells)*size
			if rng.IntN(2) == 0 {
				d.put(cut(start, end))
				n.put(naiveEdit{start, end, ""})
			} else {
				value := fmt.Sprint(step)
				s := cut(start, end)
				s.value = &Document{text: []byte(value), in: d}
				d.put(s)
				n.put(naiveEdit{start, end, value})
			}
			if step%149 != 0 {
				continue
			}
			checkList(t, &d.splices)
			from := rng.IntN(cells) * size
			to := from + rng.IntN(cells*size-from)
			same(t, n.append(0, len(text)), d.Append(nil, 0, len(text)), "seed %d, step %d", seed, step)
			require.Equal(t, len(n.append(0, len(text))), d.Size(0, len(text)))
			e, ok := n.at(from)
			require.Equal(t, ok, d.Covered(from))
			require.Equal(t, ok && e.text == "", d.IsCut(from))
			edited := slices.ContainsFunc(n.edits, func(e naiveEdit) bool { return e.end > from && e.start < to })
			require.Equal(t, edited, d.Edited(from, to))
		}
		before := d.Append(nil, 0, len(text))
		for _, room := range []bool{true, false} {
			c := new(Document)
			if room {
				c.UseRoom(new(Room))
			}
			d.CopyTo(c)
			checkList(t, &c.splices)
			same(t, before, c.Append(nil, 0, len(text)), "copied")
			c.put(cut(0, len(text)/2))
			c.put(cut(0, len(text)))
			require.Zero(t, len(c.Append(nil, 0, len(text))), "seed %d, room %t: %d chunks, %d in the first", seed, room, c.splices.last()+1, c.splices.first.len())
			checkList(t, &c.splices)
		}
		same(t, before, d.Append(nil, 0, len(text)), "the document that was copied")
	}
}

// A pass in order fills chunks, and does not make one for each edit.
func TestSpliceList_chunks(t *testing.T) {
	const n = 20 * maxChunk
	for name, order := range map[string]func(i int) int{
		"forwards":  func(i int) int { return i },
		"backwards": func(i int) int { return n - 1 - i },
		"between":   func(i int) int { return (i*2 + 1) % (n - 1) },
		"mixed":     func(i int) int { return i ^ 1 },
	} {
		d := new(Document)
		d.SetText(bytes.Repeat([]byte("1,"), n+1))
		for i := range n {
			d.put(cut(2*order(i), 2*order(i)+1))
		}
		checkList(t, &d.splices)
		require.LessOrEqual(t, d.splices.last(), 3*n/maxChunk, name)
	}
}
