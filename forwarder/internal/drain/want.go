package drain

import (
	"maps"
	"slices"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// hash returns the partition of a key, or keyless.
func (d *Drain) hash(key []byte, partitions int32) int32 {
	if key == nil {
		return keyless
	}
	return d.config.Hash(key, partitions)
}

// lanes iterates over the current lanes of all topics.
func (d *Drain) lanes(yield func(*lane) bool) {
	for _, t := range d.topics {
		for l := range maps.Values(t.current().lanes) {
			if !yield(l) {
				return
			}
		}
	}
}

// A part is the messages of an entry that are for one topic: in most, all.
type part struct {
	record   *spoolstore.Record
	topic    *topicLanes // nil: none that is served
	from, to int         // of the messages
}

// partAt returns the part of r that begins with a message.
func (d *Drain) partAt(r *spoolstore.Record, from int) part {
	name, to := partOf(r.Entry, from)
	for _, t := range d.topics {
		if t.Name == name {
			return part{r, t, from, to}
		}
	}
	return part{r, nil, from, to}
}

// numbers returns those of the messages.
func (p part) numbers() spoolstore.Range { return entryNumbers(p.record, p.from, p.to) }

// memory is about what the messages take while the producer has them.
func (p part) memory() int64 {
	n := p.to - p.from
	if n == len(p.record.Entry.Messages) {
		return int64(p.record.Bytes + messageMemory*n)
	}
	size := messageMemory * n
	for i := range p.record.Entry.Messages[p.from:p.to] {
		size += len(p.record.Entry.Messages[p.from+i].Value) + len(p.record.Entry.Key)
	}
	return int64(size)
}

// beginAgain goes back to what was passed over before the era began.
func (d *Drain) beginAgain() {
	if d.restart != noRestart {
		from := d.restart
		d.restart = noRestart
		d.readAheadFrom(from)
		return
	}
	d.forgetEras()
}

// forgetEras forgets those that say nothing of what may be read from now on, for
// whichever topic: all that was loaded in them is before it, and has ended.
func (d *Drain) forgetEras() {
	if !slices.ContainsFunc(d.topics, func(t *topicLanes) bool { return len(t.eras) > 1 }) {
		return
	}
	at := d.ahead.Position()
	for l := range d.lanes {
		if l.blocked || l.behind {
			at = min(at, l.next)
		}
	}
	for _, t := range d.topics {
		if !t.met() {
			at = min(at, t.passed)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.topics {
		current := t.current()
		t.eras = slices.DeleteFunc(t.eras, func(e *era) bool { return e != current && e.until <= at && e.emptyLocked() })
	}
}

// enter begins an era of p's topic with so many partitions. p was not loaded yet.
func (d *Drain) enter(count int32, p part) {
	last := p.topic.current()
	last.until = d.ahead.Position()
	next := &era{count: count, lanes: map[int32]*lane{}}
	d.restart = min(p.numbers().First, d.ahead.Position()) // what is read again may be beyond what was read
	for id, l := range last.lanes {
		last.until = max(last.until, l.next)
		if l.blocked || l.behind {
			d.restart = min(d.restart, l.next)
		}
		l.blocked, l.behind = false, false
		if id == keyless {
			next.lanes[id] = l
		}
	}
	d.blocked = slices.DeleteFunc(d.blocked, func(l *lane) bool { return !l.blocked })
	p.topic.eras = append(p.topic.eras, next)
	d.divide(p.topic, count)
}

// laneOf returns the lane of a part that is to be loaded; nil if it is loaded
// already, a new era has begun, or its topic has none yet.
func (d *Drain) laneOf(p part) *lane {
	if d.restart != noRestart || p.topic == nil {
		return nil
	}
	t, first, key := p.topic, p.numbers().First, p.record.Entry.Key
	if !t.met() {
		t.passed = min(t.passed, first)
		d.hold(p)
		return nil
	}
	count := t.Partitions()
	if count != t.current().count && count > 0 {
		d.enter(count, p)
		return nil
	}
	e := t.current()
	id := d.hash(key, e.count)
	l := t.lane(id)
	if first < l.next {
		return nil
	}
	if id == keyless {
		return l
	}
	d.waitForIntended(l, id, t, key)
	for _, former := range t.eras[:len(t.eras)-1] {
		was := d.config.Hash(key, former.count)
		old := former.lanes[was]
		switch {
		case old == nil:
		case first < old.next:
			return nil
		case was != id && !slices.Contains(l.after, old):
			l.after = append(l.after, old)
		}
	}
	return l
}

// waitForIntended makes l, which has this user's messages and is of the partition,
// wait for what a former process has intended of the user for others.
func (d *Drain) waitForIntended(l *lane, partition int32, t *topicLanes, key []byte) {
	lanes := t.intended[string(key)]
	if len(lanes) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	lanes = slices.DeleteFunc(lanes, (*lane).emptyLocked)
	if len(lanes) == 0 {
		delete(t.intended, string(key))
		return
	}
	t.intended[string(key)] = lanes
	for _, old := range lanes {
		if old.partition != partition && !slices.Contains(l.after, old) {
			l.after = append(l.after, old)
		}
	}
}

// wantAhead decides about an entry that the cursor ahead has read. Of one that it wants
// nothing may be wanted: the cursor is only to come back, since there is something else to
// do than to pass over all the rest.
func (d *Drain) wantAhead(r *spoolstore.Record) bool {
	if d.want(r, func(l *lane) bool { return !l.blocked && !l.behind }) {
		return true
	}
	d.recycle(r.Entry.Memory)
	return d.interrupted() || len(d.blocked) > 0 && len(d.room) > 0 // a lane may go on meanwhile
}

// wantBehind decides about an entry that was read again.
func (d *Drain) wantBehind(r *spoolstore.Record) bool {
	blocked := len(d.blocked)
	wanted := d.want(r, func(l *lane) bool { return l.behind })
	d.reread += int64(r.Bytes)
	return wanted || len(d.blocked) != blocked || d.interrupted() || d.othersTurn() // nothing of it, but it may be the last
}

// othersTurn reports whether so much was read again for some lanes that others, which may
// have room by now, are to go on first.
func (d *Drain) othersTurn() bool {
	return d.reread >= d.turnAfter && len(d.blocked) > 0 && len(d.room) > 0
}

// putOff ends the reading again for now: it goes on from a message on, below which the lanes
// that are behind have nothing more.
func (d *Drain) putOff(from uint64) {
	for l := range d.lanes {
		if l.behind {
			l.next = max(l.next, from)
		}
	}
	d.blockAgain()
}

// interrupted reports whether the reading is to end, or to begin again elsewhere, maybe for
// a topic that can be met: where what was intended for it cannot be read, others go on.
func (d *Drain) interrupted() bool {
	select {
	case <-d.closing:
		return true
	default:
		return d.restart != noRestart ||
			d.unmet > 0 && d.failures[ofIntended] == nil && slices.ContainsFunc(d.topics, (*topicLanes).meetable)
	}
}

func (d *Drain) waits(r *spoolstore.Record) bool { return d.config.Waits != nil && d.config.Waits(r) }

// want takes what is to be loaded of an entry now, and reports whether that is
// anything. A topic's part may be loaded long after that of another one.
func (d *Drain) want(r *spoolstore.Record, now func(*lane) bool) bool {
	d.wanted = d.wanted[:0]
	if d.waits(r) {
		return false
	}
	for from := 0; from < len(r.Entry.Messages); {
		p := d.partAt(r, from)
		from = p.to
		if l := d.laneOf(p); l != nil && now(l) && d.take(l, p) {
			d.wanted = append(d.wanted, p)
		}
	}
	return len(d.wanted) > 0
}

// noteCrowded notes of each topic whether the memory has no room for messages of a partition
// of which the producer has none: then no producer can say that they wait. Those that wait
// for messages of a former era do not count: a producer has these.
func (d *Drain) noteCrowded() {
	d.crowded = false
	for _, t := range d.topics {
		crowded := d.crowds(t)
		d.crowded = d.crowded || crowded
		t.Unsent.setCrowded(crowded)
	}
}

func (d *Drain) crowds(t *topicLanes) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.blocked, func(l *lane) bool {
		return l.memory.topic == &t.memory && l.memory.bytes == 0 && l.mayGoLocked()
	})
}

// divide gives each of so many partitions of a topic its own part of the memory.
func (d *Drain) divide(t *topicLanes, partitions int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memory.divideLocked(&t.memory, partitions)
}

// take makes room for the part, or blocks its lane.
func (d *Drain) take(l *lane, p part) bool {
	if bytes := p.memory(); !d.fits(l, bytes) {
		l.next = p.numbers().First
		d.block(l, bytes)
		return false
	}
	l.next = p.numbers().Next
	return true
}

// block makes l wait for so much room; 0: not known how much.
func (d *Drain) block(l *lane, needs int64) {
	l.blocked, l.behind, l.needs = true, false, needs
	d.blocked = append(d.blocked, l)
}

// fits reports whether the producer may have so many bytes more of a lane.
func (d *Drain) fits(l *lane, bytes int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return l.mayGoLocked() && d.memory.fitsLocked(l.memory, bytes, d.share())
}

// share is how many bytes the producer may have of one lane, save what is its
// partition's own.
func (d *Drain) share() int64 {
	count := 0
	for _, t := range d.topics {
		count += len(t.current().lanes)
	}
	return d.memory.max / int64(max(4, count))
}

// unblock makes the lanes go on that have room, and the one that has waited longest, and
// returns from which message.
func (d *Drain) unblock() (from uint64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	share, oldest := d.share(), d.oldestLocked()
	if oldest == nil && !slices.ContainsFunc(d.blocked, func(l *lane) bool {
		return d.memory.lowLocked(l.memory, share) && d.memory.hasRoomLocked(l.memory, l.needs, share) && l.mayGoLocked()
	}) {
		return 0, false
	}
	from = noRestart
	d.blocked = slices.DeleteFunc(d.blocked, func(l *lane) bool {
		if l != oldest &&
			(l.memory.bytes > max(share, l.memory.topic.own)/2 || !d.memory.hasRoomLocked(l.memory, l.needs, share) || !l.mayGoLocked()) {
			return false
		}
		l.blocked, l.behind = false, true
		from = min(from, l.next)
		return true
	})
	return from, true
}

// oldestLocked returns the lane with the oldest next message among those that have nothing at
// the producer, if one of these may go on without room; nil if there is none.
func (d *Drain) oldestLocked() (oldest *lane) {
	if d.memory.over != nil {
		return nil
	}
	for _, l := range d.blocked {
		if l.memory.bytes == 0 && (oldest == nil || l.next < oldest.next) && l.mayGoLocked() {
			oldest = l
		}
	}
	return oldest
}

// nextBehind returns the first message that is to be read again.
func (d *Drain) nextBehind() uint64 {
	next := uint64(noRestart)
	for l := range d.lanes {
		if l.behind {
			next = min(next, l.next)
		}
	}
	return next
}

// caughtUp ends the reading again.
func (d *Drain) caughtUp() {
	for l := range d.lanes {
		l.behind = false
	}
}

// blockAgain gives the reading again up for now.
func (d *Drain) blockAgain() {
	for l := range d.lanes {
		if l.behind {
			d.block(l, 0)
		}
	}
	offer(d.room)
}
