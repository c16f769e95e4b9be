package drain

import (
	"maps"
	"slices"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A lane is the messages of one partition, or all that have no key. The reading
// goroutine alone uses it, but for what Drain.mu guards.
type lane struct {
	next    uint64  // messages of the lane below it are loaded, or were done
	blocked bool    // those from next on were passed over
	behind  bool    // they are being read again
	after   []*lane // lanes of a former era whose messages must end first

	partition int32       // of a lane of what a former process has intended
	recovered []*entryEnd // of such a lane: what has messages that were recovered

	// Guarded by Drain.mu.
	bytes  int64 // that the producer has
	groups int
}

// emptyLocked reports whether the producer has none of its messages.
func (l *lane) emptyLocked() bool {
	return l.groups == 0 && !slices.ContainsFunc(l.recovered, (*entryEnd).hasRecovered)
}

// An era is a time with one number of partitions. Growth moves users: what was
// not loaded before it goes to the partition of the new era, and waits until
// what was loaded for the old partition has ended.
type era struct {
	count int32
	lanes map[int32]*lane
	until uint64 // every message that was loaded in it is below
}

// keyless is the lane of messages without a key: the producer chooses their
// partition.
const keyless = int32(-1)

// lane returns the lane of a partition, or of messages without a key.
func (e *era) lane(id int32) *lane {
	l := e.lanes[id]
	if l == nil {
		l = &lane{}
		e.lanes[id] = l
	}
	return l
}

// emptyLocked reports whether the producer has none of its messages, save those without a
// key, whose lane goes on.
func (e *era) emptyLocked() bool {
	for id, l := range e.lanes {
		if id != keyless && !l.emptyLocked() {
			return false
		}
	}
	return true
}

// A topicLanes is how far the messages of one topic are. The reading goroutine alone
// uses it.
type topicLanes struct {
	Topic
	eras     []*era             // the last one is the current one; it has no partitions until they are known
	intended map[string][]*lane // by key, of what a former process has intended
	passed   uint64             // the first entry that was passed over until they were known; noRestart
	holds    bool               // there are messages, and they are not known
}

func newTopicLanes(t Topic) *topicLanes {
	if t.Unsent == nil {
		t.Unsent = &Unsent{}
	}
	return &topicLanes{
		Topic: t, eras: []*era{{lanes: map[int32]*lane{}}}, intended: map[string][]*lane{}, passed: noRestart,
	}
}

func (t *topicLanes) current() *era { return t.eras[len(t.eras)-1] }

// met reports whether the partitions are known.
func (t *topicLanes) met() bool { return t.current().count > 0 }

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
		if l.blocked {
			d.blocked--
		}
		l.blocked, l.behind = false, false
		if id == keyless {
			next.lanes[id] = l
		}
	}
	p.topic.eras = append(p.topic.eras, next)
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
	l := e.lane(id)
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

// intendedLane returns the lane of what a former process has intended of one user.
func (t *topicLanes) intendedLane(key []byte, partition int32) *lane {
	for _, l := range t.intended[string(key)] {
		if l.partition == partition {
			return l
		}
	}
	l := &lane{partition: partition}
	t.intended[string(key)] = append(t.intended[string(key)], l)
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

// wantAhead decides about an entry that the cursor ahead has read.
func (d *Drain) wantAhead(r *spoolstore.Record) bool {
	if !d.waits(r) && d.want(r, func(l *lane) bool { return !l.blocked && !l.behind }) {
		return true
	}
	d.recycle(r.Entry.Memory)
	return false
}

// wantBehind decides about an entry that was read again.
func (d *Drain) wantBehind(r *spoolstore.Record) bool {
	if d.waits(r) {
		return false
	}
	return d.want(r, func(l *lane) bool { return l.behind })
}

func (d *Drain) waits(r *spoolstore.Record) bool { return d.config.Waits != nil && d.config.Waits(r) }

// want takes what is to be loaded of an entry now, and reports whether that is
// anything. A topic's part may be loaded long after that of another one.
func (d *Drain) want(r *spoolstore.Record, now func(*lane) bool) bool {
	d.wanted = d.wanted[:0]
	for from := 0; from < len(r.Entry.Messages); {
		p := d.partAt(r, from)
		from = p.to
		if l := d.laneOf(p); l != nil && now(l) && d.take(l, p) {
			d.wanted = append(d.wanted, p)
		}
	}
	return len(d.wanted) > 0
}

// take makes room for the part, or blocks its lane.
func (d *Drain) take(l *lane, p part) bool {
	if !d.fits(l, p.memory()) {
		l.blocked, l.behind, l.next = true, false, p.numbers().First
		d.blocked++
		return false
	}
	l.next = p.numbers().Next
	return true
}

// fits reports whether the producer may have so many bytes more of a lane.
func (d *Drain) fits(l *lane, bytes int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !l.mayGoLocked() {
		return false
	}
	return d.loaded == 0 ||
		d.loaded+bytes <= d.config.MaxBytes && (l.bytes == 0 || l.bytes+bytes <= d.share())
}

// share is how many bytes the producer may have of one lane.
func (d *Drain) share() int64 {
	count := 0
	for _, t := range d.topics {
		count += len(t.current().lanes)
	}
	return d.config.MaxBytes / int64(max(4, count))
}

// mayGoLocked reports whether what must end before the lane's messages has
// ended.
func (l *lane) mayGoLocked() bool {
	l.after = slices.DeleteFunc(l.after, (*lane).emptyLocked)
	return len(l.after) == 0
}

// unblock makes the lanes go on that have room, and returns from which message.
func (d *Drain) unblock() (from uint64, ok bool) {
	if d.blocked == 0 {
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.loaded > d.config.MaxBytes/2 {
		return 0, false
	}
	from = noRestart
	for l := range d.lanes {
		if l.blocked && l.bytes <= d.share()/2 && l.mayGoLocked() {
			l.blocked, l.behind = false, true
			d.blocked--
			from = min(from, l.next)
		}
	}
	return from, from != noRestart
}

func (d *Drain) anyBehind() bool {
	for l := range d.lanes {
		if l.behind {
			return true
		}
	}
	return false
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
			l.behind, l.blocked = false, true
			d.blocked++
		}
	}
	offer(d.room)
}
