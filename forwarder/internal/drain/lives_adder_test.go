package drain

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A livesAdder stores entries of its own users, each when it is told to.
type livesAdder struct {
	life    *livesLife
	index   int
	rand    *rand.Rand
	topics  []int // of the last entry
	work    chan struct{}
	busy    atomic.Bool
	tickets []livesTicket
}

type livesTicket struct {
	spoolstore.Ticket
	messages []*livesMessage
}

// offer has it add an entry, unless it is far behind.
func (a *livesAdder) offer() {
	select {
	case a.work <- struct{}{}:
	default:
	}
}

func (a *livesAdder) run() {
	for {
		select {
		case <-a.work:
			a.busy.Store(true)
			ok := a.add()
			a.busy.Store(false)
			if !ok {
				return
			}
		case <-a.life.adding.Done():
			return
		}
	}
}

func (a *livesAdder) add() bool {
	l, m := a.life, &a.life.mood
	user := fmt.Sprint("user ", a.index+m.adders*a.rand.IntN(m.users))
	if m.keyless && a.rand.IntN(10) == 0 {
		user = ""
	}
	if a.topics == nil || a.rand.IntN(m.alike) == 0 {
		a.topics = a.rand.Perm(m.topics)[:1+a.rand.IntN(m.topics)]
	}
	e, list := l.newEntry(a.rand, user, a.topics)
	give(e)
	ticket, err := l.store.Add(l.adding, e)
	if err != nil {
		return false
	}
	if !ticket.KeptMemory {
		used(*e.Memory)
	}
	l.note(livesEvent{what: fmt.Sprintf("is added, with %d messages, for topics %v", len(list), a.topics), topic: -1, user: user, number: ticket.First})
	a.tickets = append(a.tickets, livesTicket{ticket, list})
	if a.rand.IntN(3) == 0 {
		if ticket.Wait(l.adding) != nil {
			return false
		}
		l.stored(list)
	}
	return true
}

// collect notes what was stored.
func (a *livesAdder) collect() {
	for _, t := range a.tickets {
		select {
		case <-t.Done():
			if t.Wait(a.life.adding) == nil {
				a.life.stored(t.messages)
			}
		default:
		}
	}
}
