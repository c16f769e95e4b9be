package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/drain"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/partition"
)

// powerSegment is the size of a segment: small, so that many are recycled.
const powerSegment = 10 << 10

func discardLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

func murmur2(key []byte, partitions int32) int32 { return partition.Murmur2(key, partitions) }

// A powerEnd is how a life ends.
type powerEnd string

const (
	powerCut powerEnd = "the power is cut"
	killed   powerEnd = "the process is killed" // what was written is there, synced or not
	closed   powerEnd = "it is closed"
)

// end ends a life, and begins another.
func (r *powerRun) end(how powerEnd) {
	r.note("%s after %d operations of the disk", how, r.ops.Load())
	if how != closed {
		r.sim.mu.Lock()
		r.down.Store(true)
		r.mortal.die()
		r.sim.mu.Unlock()
	}
	if how == powerCut {
		r.cutAt.Store(0) // nothing reaches the disk any more
	}
	before := r.disk
	if how == killed {
		r.disk = before.Stop()
	}
	r.closeProducer(time.Minute)
	switch {
	case how == powerCut || how == closed && r.down.Load(): // the power may be cut while it is closed
		r.cutDisk()
	case how == closed:
		r.disk = before.Stop()
	}
	r.start()
}

// stop ends the run.
func (r *powerRun) stop() {
	r.sim.mu.Lock()
	r.ledger.closing = true
	r.sim.mu.Unlock()
	r.closeProducer(time.Minute)
	r.pass(time.Second)
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	for _, c := range r.sim.conns {
		if !c.dead {
			r.ledger.add(invariantUse, "%s was never closed", c)
		}
	}
	if n := r.disk.OpenFiles(); n > 0 {
		r.ledger.add(invariantUse, "%d files are open", n)
	}
}

// A storing producer stores what is submitted to it.
type storing struct {
	producer.Producer

	run     *powerRun
	store   *spoolstore.Store
	carrier *drain.Drain
}

// Submit implements producer.Producer.
func (p *storing) Submit(g *producer.Group) {
	r, group := p.run, g.Owner.(*modelGroup) //nolint:errcheck,forcetypeassert // see ledger.fill
	memory := new([]byte)                    // of its own, as a pool's
	e := &spoolstore.Entry{ID: group.id(), Accepted: time.Now(), Memory: memory}
	e.Numbered = numbersEntry{r, group, memory}
	e.Key = group.messages[0].Key
	for _, m := range group.messages {
		*memory = append(*memory, m.Value...)
	}
	rest := *memory
	for _, m := range group.messages {
		n := len(m.Value)
		e.Messages = append(e.Messages, spoolstore.Message{Value: rest[:n:n], Part: m.Part})
		rest = rest[n:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // without power it would wait for ever
	defer cancel()
	ticket, err := p.store.Add(ctx, e)
	if ticket.KeptMemory {
		r.kept.Add(1)
	} else {
		writeOver(memory)
	}
	if err != nil {
		if !r.down.Load() {
			r.violated(invariantProgress, "storing: %v", err)
		}
		return
	}
	go func() {
		if ticket.Wait(context.Background()) != nil || r.broken.unsynced {
			return
		}
		r.sim.mu.Lock()
		defer r.sim.mu.Unlock()
		r.confirmed[group] = true
	}()
}

// Close implements producer.Producer.
func (p *storing) Close() error {
	p.carrier.Close()
	err := p.Producer.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if p.run.down.Load() {
		cancel()
	}
	return errors.Join(err, p.store.Close(ctx))
}

func (g *modelGroup) id() string { return fmt.Sprint("group of message ", g.messages[0].id) }

// writeOver does what a pool does with memory that nothing reads any more: it is
// another batch's now. Who reads it nevertheless finds no message there.
func writeOver(memory *[]byte) { copy(*memory, bytes.Repeat([]byte("#"), len(*memory))) }

// numbersEntry notes the numbers of a group's messages.
type numbersEntry struct {
	run    *powerRun
	group  *modelGroup
	memory *[]byte // of their values
}

// Number implements spoolstore.Numbered.
func (n numbersEntry) Number(first uint64) {
	n.run.sim.mu.Lock()
	defer n.run.sim.mu.Unlock()
	for i, m := range n.group.messages {
		n.run.numbers[first+uint64(i)] = m //nolint:gosec // an index
	}
	n.group.First = first
	if n.run.broken.reuses {
		writeOver(n.memory)
	}
}

// brokenSubmit changes groups on their way to the engine.
type brokenSubmit struct {
	producer.Producer

	change func(*producer.Group) // nil: nothing
}

// Submit implements producer.Producer.
func (p brokenSubmit) Submit(g *producer.Group) {
	if p.change != nil {
		p.change(g)
	}
	p.Producer.Submit(g)
}

// A doubtJournal notes what may go out twice.
type doubtJournal struct {
	producer.Journal

	run  *powerRun
	life int
}

// End implements producer.Journal.
func (j doubtJournal) End(e producer.IntentEnd) {
	if e.Outcome == producer.Doubtful {
		j.run.noteDoubt(e.InDoubt)
	}
	j.Journal.End(e)
}

func (r *powerRun) noteDoubt(list []producer.NumberRange) {
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	for n := range eachNumber(list) {
		m := r.numbers[n]
		if !m.touched {
			r.ledger.add(invariantGaveUp, "message %d is in doubt, but was in nothing that was refused", m.id)
		}
		m.doubtful = true
	}
}

// reborn compares what lies on the disk with what callers and Kafka know, and has
// stored again what does not.
func (r *powerRun) reborn() {
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	l := r.ledger
	for _, d := range r.store.Damage() {
		l.add(invariantLost, "damage after a power cut: %v", d)
	}
	stored := r.next
	for i, g := range l.groups[:r.next] {
		known, other := r.store.KnownID(g.id(), [32]byte{})
		switch {
		case other:
			l.add(invariantContent, "%s has another digest", g.id())
		case !known:
			stored = min(stored, i)
			r.unstored(g)
		case stored < i:
			l.add(invariantOrder, "%s is on the disk, but %s is not, which came before", g.id(), l.groups[stored].id())
		default:
			for k, m := range g.messages {
				r.rebornMessage(m, g.First+uint64(k)) //nolint:gosec // an index
			}
		}
	}
	r.next = stored
}

// unstored is for a group that is not on the disk. It is stored again.
func (r *powerRun) unstored(g *modelGroup) {
	if r.confirmed[g] {
		r.ledger.add(invariantLost, "%s was confirmed, and is not on the disk", g.id())
	}
	for _, m := range g.messages {
		r.ledger.checkNotThere(m)
		m.submitted, m.settled = false, 0
	}
}

func (r *powerRun) rebornMessage(m *modelMessage, number uint64) {
	l := r.ledger
	m.settled, m.result, m.shown = 0, producer.Result{}, false
	refusal, pending, refused := r.store.State(number)
	switch {
	case pending:
		return
	case refused:
		m.settled, m.result = 1, producer.Result{Outcome: producer.NotSent, Partition: -1, Offset: -1, Err: errors.New(refusal.Reason)}
		if strings.HasPrefix(refusal.Reason, "it may be in Kafka") {
			m.result.Outcome = producer.Unknown
		}
		return
	}
	m.settled = 1
	for p, log := range l.logs {
		if _, there := log.offsets[m.id]; there {
			m.result = producer.Result{Outcome: producer.Acknowledged, Partition: int32(p), Offset: -1} //nolint:gosec // few
			return
		}
	}
	l.add(invariantLost, "message %d is done on the disk, and in no log", m.id)
}
