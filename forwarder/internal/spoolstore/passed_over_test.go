package spoolstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// A passing is a model of a store whose entries have messages for several topics, which
// are done one by one, and of the cursors that read it.
type passing struct {
	r       *rand.Rand
	s       *Store
	ahead   *Cursor
	stored  []Range         // entries that are certainly there, by number
	open    map[uint64]bool // their messages that are not done
	seen    map[uint64]bool // messages that this life's cursor ahead has come to
	refuses bool            // the cursor ahead wants none of what comes
}

// No cursor passes over a message that is not done, however entries that are kept in memory
// and such of several topics take turns, segments are merged and used again, and processes
// are killed. A cursor may begin in the middle of an entry.
func TestCursor_passesOverNothing(t *testing.T) {
	for seed := range uint64(80) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			d := disktest.New(seed)
			p := &passing{r: rand.New(rand.NewPCG(seed, 0)), open: map[uint64]bool{}} //nolint:gosec // repeatable is what it must be
			for range 4 {
				p.begin(t, d)
				for range 250 {
					p.step(t)
				}
				d = p.kill(t, d)
			}
		})
	}
}

// begin opens the store as the next process does, which comes to all that is left.
func (p *passing) begin(t *testing.T, d *disktest.Disk) {
	t.Helper()
	p.s, p.seen, p.refuses = open(t, d, small()), map[uint64]bool{}, true
	p.s.KeepRecent(16<<10, nil)
	p.ahead = p.s.Cursor(0)
	p.ahead.Recent = true
	p.ahead.Want = func(r *Record) bool {
		p.note(t, r, p.seen)
		return !p.refuses
	}
	p.catchUp(t)
	for n := range p.seen { // also what was done, if the process before has not recorded that in time
		if !p.s.IsDone(n) {
			p.open[n] = true
		}
	}
}

func (p *passing) step(t *testing.T) {
	t.Helper()
	switch p.r.IntN(10) {
	case 0, 1, 2:
		p.add(t)
	case 3:
		p.refuses = !p.refuses
	case 4, 5:
		_, _, err := p.ahead.TryNext()
		require.NoError(t, err)
	case 6:
		p.catchUp(t)
	case 7:
		p.readAgain(t)
	case 8:
		p.finish()
		require.NoError(t, p.s.Intend(nil)) // so that what is done makes room, and survives
	default:
		p.finish()
	}
}

// add stores a few entries in one group, unless much is left already.
func (p *passing) add(t *testing.T) {
	t.Helper()
	var tickets []Ticket
	var sizes []uint64
	for range 1 + p.r.IntN(4) {
		if len(p.open) > 60 {
			break
		}
		e := entry(strings.Repeat("x", p.r.IntN(1200)))
		for range p.r.IntN(3) {
			e.Messages = append(e.Messages, Message{Value: []byte("y")})
		}
		e.Topic = "a"
		if last := len(e.Messages) - 1; last > 0 && p.r.IntN(2) == 0 {
			e.Messages[last].Topic = "b"
		}
		ticket, err := p.s.Add(t.Context(), give(e))
		require.NoError(t, err)
		tickets, sizes = append(tickets, ticket), append(sizes, uint64(len(e.Messages)))
	}
	for i, ticket := range tickets {
		require.NoError(t, ticket.Wait(t.Context()))
		p.stored = append(p.stored, Range{ticket.First, ticket.First + sizes[i]})
		for n := ticket.First; n < ticket.First+sizes[i]; n++ {
			p.open[n] = true
		}
	}
}

// note notes the messages of an entry, which must not come twice.
func (p *passing) note(t *testing.T, r *Record, seen map[uint64]bool) {
	t.Helper()
	for n := r.First; n < r.Range().Next; n++ {
		assert.False(t, seen[n], "message %d comes twice", n)
		seen[n] = true
	}
}

// catchUp reads to the end: then all that is left was there.
func (p *passing) catchUp(t *testing.T) {
	t.Helper()
	for {
		r, _, err := p.ahead.TryNext()
		require.NoError(t, err)
		if r == nil {
			break
		}
	}
	for n := range p.open {
		require.True(t, p.seen[n], "message %d was passed over", n)
	}
}

// readAgain reads from some message on that is left.
func (p *passing) readAgain(t *testing.T) {
	t.Helper()
	left := p.left()
	if len(left) == 0 {
		return
	}
	from := left[p.r.IntN(len(left))]
	seen := map[uint64]bool{}
	c := p.s.Cursor(from)
	c.Want = func(r *Record) bool {
		p.note(t, r, seen)
		return p.r.IntN(2) == 0
	}
	for {
		r, _, err := c.TryNext()
		require.NoError(t, err)
		if r == nil {
			break
		}
	}
	for _, n := range left {
		require.True(t, n < from || seen[n], "message %d was passed over from %d on", n, from)
	}
}

// left returns the messages that are not done, in order.
func (p *passing) left() []uint64 {
	left := make([]uint64, 0, len(p.open))
	for n := range p.open {
		left = append(left, n)
	}
	slices.Sort(left)
	return left
}

// finish makes some messages done: most of the oldest, and seldom one of those that hold
// their segment.
func (p *passing) finish() {
	for i, n := range p.left() {
		if p.r.IntN(4) != 0 || n%17 == 0 && p.r.IntN(20) != 0 {
			continue
		}
		p.s.Done([]Range{{n, n + 1}}, nil, End{})
		delete(p.open, n)
		if i > 40 {
			break
		}
	}
}

// kill ends the process. What it has recorded without waiting may be forgotten: such
// messages come again.
func (p *passing) kill(t *testing.T, d *disktest.Disk) *disktest.Disk {
	t.Helper()
	d = crash(t, d, p.s)
	for _, r := range p.stored {
		for n := r.First; n < r.Next; n++ {
			assert.True(t, !p.open[n] || !p.s.IsDone(n), "message %d counts as done", n)
		}
	}
	return d
}
