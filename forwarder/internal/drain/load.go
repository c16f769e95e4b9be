package drain

import (
	"cmp"
	"errors"
	"slices"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// An entryGroup is consecutive messages of one entry that the producer has.
type entryGroup struct {
	drain *Drain
	lane  *lane
	left  int
	bytes int64
	group producer.Group
	entry *entryEnd
	at    int // of the first message in the entry

	// memory is that of the entry, to be given back when all its messages, which are
	// these, have ended. nil: the collector's.
	memory  *[]byte
	message [1]producer.Message // room for the one that most have
}

// loadWanted hands what is wanted of an entry to the producers, without the messages
// that are done. r is the entry that was wanted, in memory of its own.
func (d *Drain) loadWanted(r *spoolstore.Record) {
	for _, p := range d.wanted {
		p.record = r
		id := d.hash(r.Entry.Key, p.topic.current().count)
		runs := d.runs(p)
		d.submit(p, runs, d.entryEnd(p, runs), p.topic.lane(id), id+1)
	}
}

// hold notes that p, whose topic is unmet, stays where it is, unless it is done. One
// part is enough: what has come later waits for the same.
func (d *Drain) hold(p part) {
	if t := p.topic; !t.holds && len(d.config.Store.Pending(p.numbers())) > 0 {
		t.holds = true
		t.Unsent.setUnmet(true)
	}
}

// release notes that the topic's messages go to the producer, which says from now on
// whether they wait.
func (t *topicLanes) release() {
	if t.holds && t.met() {
		t.holds = false
		t.Unsent.setUnmet(false)
	}
}

// submit hands runs of a part to the producer, for the partition before fixed.
func (d *Drain) submit(p part, runs []spoolstore.Range, entry *entryEnd, l *lane, fixed int32) {
	r := p.record
	for _, run := range runs {
		g := &entryGroup{drain: d, lane: l, left: run.Len(), entry: entry, at: int(run.First - r.First)}
		g.group = producer.Group{
			Owner: g, First: run.First, Fixed: fixed, Doubtful: d.config.Store.Doubtful(run), Messages: messages(g.message[:0], r.Entry, g.at, run.Len()),
		}
		if run.Len() == len(r.Entry.Messages) {
			g.memory = r.Entry.Memory
		}
		for i := range g.group.Messages {
			g.bytes += memoryOf(&g.group.Messages[i])
		}
		d.mu.Lock()
		d.memory.addLocked(l.memory, g.bytes)
		l.groups++
		d.mu.Unlock()
		p.topic.Producer.Submit(&g.group)
		p.topic.release()
	}
}

// entryEnd returns what gathers the ends of the messages of p: what Recover has
// made if the producer has some of them from the start.
func (d *Drain) entryEnd(p part, runs []spoolstore.Range) *entryEnd {
	left := 0
	for _, run := range runs {
		left += run.Len()
	}
	own := p.numbers()
	for n := own.First; n < own.Next && len(d.placed) > 0; n++ {
		if e := d.placed[n]; e != nil {
			return e
		}
	}
	return newEntryEnd(p.record, p.from, p.to, left)
}

// runs returns the messages of p that are to be sent: all but those that are
// done or refused, or that the producer has from the start.
func (d *Drain) runs(p part) []spoolstore.Range {
	var runs []spoolstore.Range
	for _, run := range d.config.Store.Pending(p.numbers()) {
		for n := run.First; n < run.Next; n++ {
			if d.placed[n] != nil {
				continue
			}
			if last := len(runs) - 1; last >= 0 && runs[last].Next == n {
				runs[last].Next++
			} else {
				runs = append(runs, spoolstore.Range{First: n, Next: n + 1})
			}
		}
	}
	return runs
}

// loadIntents hands those entries to a topic's producer of which a former process has
// intended a message for it, before all others: their partition is settled, whatever
// the hash and the number of partitions are now.
func (d *Drain) loadIntents(t *topicLanes) error {
	for _, i := range d.config.Store.Intents(t.Name) {
		if !t.settles(&i) {
			continue
		}
		list := slices.Concat(i.Messages, i.Whole)
		slices.SortFunc(list, func(a, b spoolstore.Range) int { return cmp.Compare(a.First, b.First) })
		for _, run := range list {
			if err := d.loadEntriesOf(t, run, i.Partition.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// settles reports whether the partition of an intent still is what it was: not if
// the topic was replaced, which may have had more partitions.
func (t *topicLanes) settles(i *spoolstore.Intent) bool {
	if i.Partition.ID < 0 || i.Partition.ID >= t.current().count {
		return false
	}
	if t.TopicID == nil {
		return true
	}
	var notTold [16]byte
	now := t.TopicID()
	return now == i.TopicID || now == notTold || i.TopicID == notTold
}

// loadEntriesOf loads what is left of the entries of these messages. If all of them
// are done, the last of their entries may have more.
func (d *Drain) loadEntriesOf(t *topicLanes, intended spoolstore.Range, partition int32) error {
	for _, run := range d.config.Store.Pending(spoolstore.Range{First: intended.First, Next: intended.Next + 1}) {
		for n := run.First; n < run.Next; {
			r, err := d.config.Store.ReadRecord(n)
			if errors.As(err, new(*spoolstore.NotFoundError)) { // damaged, which is reported
				n++
				continue
			}
			if err != nil {
				return err
			}
			if r.First < intended.Next {
				d.loadIntendedEntry(t, r, partition)
			}
			n = r.Range().Next
		}
	}
	return nil
}

func (d *Drain) loadIntendedEntry(t *topicLanes, r *spoolstore.Record, partition int32) {
	l := t.lane(keyless)
	if r.Entry.Key != nil {
		l = t.intendedLane(r.Entry.Key, partition)
	}
	for from := 0; from < len(r.Entry.Messages); {
		p := d.partAt(r, from)
		from = p.to
		if p.topic != t { // whose own intents settle it
			continue
		}
		runs := d.runs(p)
		entry := d.entryEnd(p, runs)
		for _, run := range runs {
			for n := run.First; n < run.Next; n++ {
				d.placed[n] = entry
			}
		}
		d.submit(p, runs, entry, l, partition+1)
	}
}

// memoryOf is how many bytes a message takes while the producer has it.
func memoryOf(m *producer.Message) int64 { return int64(m.Size() + messageMemory) }

// messages converts n messages of e, from one on, and appends them to list, which is empty.
func messages(list []producer.Message, e *spoolstore.Entry, from, n int) []producer.Message {
	list = slices.Grow(list, n)[:n]
	for i := range list {
		m := &e.Messages[from+i]
		list[i] = producer.Message{Key: e.Key, Value: m.Value, Part: m.Part, Headers: sentHeaders(m.Headers)}
	}
	return list
}

func sentHeaders(stored []spoolstore.Header) []producer.Header {
	if len(stored) == 0 {
		return nil
	}
	list := make([]producer.Header, len(stored))
	for i, h := range stored {
		list[i] = producer.Header(h)
	}
	return list
}

// recycle gives memory of an entry back that nothing reads any more, if there is any.
func (d *Drain) recycle(memory *[]byte) {
	if memory != nil && d.config.Recycle != nil {
		d.config.Recycle(memory)
	}
}

// Settle implements [producer.Settler].
func (g *entryGroup) Settle(i int, r producer.Result) {
	d := g.drain
	size := memoryOf(&g.group.Messages[i])
	d.mu.Lock()
	d.memory.addLocked(g.lane.memory, -size)
	g.left--
	if r.Outcome != producer.Acknowledged {
		g.memory = nil // a request with it may still be on its way
	}
	var done *[]byte
	if g.left == 0 {
		g.lane.groups--
		done = g.memory
	}
	d.mu.Unlock()
	offer(d.room)
	g.entry.settle(d.config.Settled, g.at+i, len(g.group.Messages[i].Value), r)
	d.recycle(done)
}
