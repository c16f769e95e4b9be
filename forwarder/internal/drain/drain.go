// Package drain carries what lies in a spool to a producer: each partition's
// messages in the order of their numbers, and no more of them in memory than
// allowed, so that a partition that waits holds up no other.
package drain

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// Config is what [New] needs.
type Config struct {
	Store  *spoolstore.Store
	Topics []Topic // all that the store has messages for

	// Waits reports whether an entry is to be passed over: another one will stand for
	// it. nil: none is. The entry must not be kept.
	Waits func(*spoolstore.Record) bool

	// Hash returns the partition of a key among so many.
	Hash func(key []byte, partitions int32) int32

	// MaxBytes bounds the memory of messages that the producers have, save that each has
	// one entry at least, and one partition at a time an entry more.
	MaxBytes int64

	// Recycle, if it is set, takes the memory of an entry that was never read from the
	// disk, once nothing reads it any more. It must not block.
	Recycle func(*[]byte)

	// Settled is told how messages ended in this process. What a producer gives
	// back because it is closed stays in the spool, and is told, too.
	Settled Settled
}

// A Drain reads a spool. Close it before its producer.
type Drain struct {
	config  Config
	cancel  context.CancelFunc
	closing <-chan struct{} // closed by cancel
	ended   chan struct{}
	room    chan struct{} // holds a token when a lane that was blocked may go on

	// Only the reading goroutine uses these.
	topics  []*topicLanes
	unmet   int   // topics whose partitions are not known
	recent  int64 // bytes of entries that the store keeps in memory once a topic is met
	ahead   *spoolstore.Cursor
	wanted  []part               // of the entry that was read last, what is to be loaded
	blocked []*lane              // of the current eras
	reread  int64                // bytes that were read again since room was looked for
	crowded bool                 // a topic has said that there is no memory for some of these
	restart uint64               // where to read again because an era has begun; noRestart
	placed  map[uint64]*entryEnd // of the messages that the producers have from before the reading

	turnAfter int64 // so many bytes are read again before those that have room meanwhile have a turn

	failures [readings]error // why the store cannot be read in each way; nil while it can

	mu     sync.Mutex
	memory memory
}

const (
	// retry is the pause after the disk has refused to be read, and between two
	// looks whether the partitions are known.
	retry = 50 * time.Millisecond

	// recentShare divides MaxBytes: so much of it is for entries that were stored a moment
	// ago and are to be read next.
	recentShare = 8

	// messageMemory is about what the records about a message take beside its
	// bytes, here and in the producer.
	messageMemory = 800

	// turnBytes are read in some hundredths of a second.
	turnBytes = 8 << 20
)

// A reading is one of the ways in which the store is read, of which each may fail while
// another one does not.
type reading int

const (
	ofIntended reading = iota // what a former process has intended
	ofBehind                  // again, for lanes that have room
	ofAhead
	readings
)

// New starts to carry what lies in the store, and what comes.
func New(c Config) *Drain {
	d := newDrain(c)
	d.start()
	return d
}

func newDrain(c Config) *Drain {
	d := &Drain{
		config: c, ended: make(chan struct{}), room: make(chan struct{}, 1),
		restart: noRestart, placed: map[uint64]*entryEnd{}, unmet: len(c.Topics),
		turnAfter: turnBytes,
	}
	d.recent = c.MaxBytes / recentShare
	d.config.MaxBytes -= d.recent
	d.memory = newMemory(d.config.MaxBytes, len(c.Topics))
	for _, t := range c.Topics {
		d.topics = append(d.topics, newTopicLanes(t))
	}
	for _, t := range d.topics {
		d.placeRecovered(t)
	}
	d.readAheadFrom(0)
	return d
}

func (d *Drain) start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.closing = cancel, ctx.Done()
	go d.run(ctx)
}

// placeRecovered notes what a topic's producer has from the start.
func (d *Drain) placeRecovered(t *topicLanes) {
	for _, r := range t.Recovered {
		for _, g := range slices.Concat(r.Groups, r.Rest) {
			owner, ok := g.Owner.(recoveredSettler)
			if !ok {
				continue
			}
			d.placed[g.First] = owner.entry
			if key := g.Messages[0].Key; key != nil {
				l := t.intendedLane(key, r.Intent.Partition)
				if !slices.Contains(l.recovered, owner.entry) {
					l.recovered = append(l.recovered, owner.entry)
				}
			}
			owner.entry.whenReleased(func() { offer(d.room) })
		}
	}
}

// Close ends the reading and waits for that. What the producer has stays there.
func (d *Drain) Close() {
	d.cancel()
	<-d.ended
	d.config.Store.KeepRecent(0, nil)
}

func (d *Drain) readAheadFrom(number uint64) {
	d.ahead = d.config.Store.Cursor(number)
	d.ahead.Want, d.ahead.Recent = d.wantAhead, true
}

// run reads ahead, and again for lanes that were blocked and have room.
func (d *Drain) run(ctx context.Context) {
	defer close(d.ended)
	var changed <-chan struct{}
	for ctx.Err() == nil {
		if d.unmet > 0 && !d.failed(ctx, ofIntended, d.meetTopics()) {
			return
		}
		if d.allHold() {
			if !pause(ctx) {
				return
			}
			continue
		}
		select {
		case <-d.room:
			if !d.failed(ctx, ofBehind, d.readBehind(ctx)) {
				return
			}
			if d.crowded {
				d.noteCrowded()
			}
		default:
		}
		d.beginAgain()
		var r *spoolstore.Record
		var err error
		if r, changed, err = d.ahead.TryNext(); r != nil {
			d.loadWanted(r)
			if !d.failed(ctx, ofAhead, nil) {
				return
			}
			continue
		}
		if d.restart != noRestart {
			continue
		}
		if !d.failed(ctx, ofAhead, err) {
			return
		}
		if err != nil {
			continue
		}
		for _, t := range d.topics {
			t.release() // what it held has ended otherwise
		}
		d.noteCrowded()
		d.waitForMore(ctx, changed)
	}
}

// waitForMore waits until there may be something to do.
func (d *Drain) waitForMore(ctx context.Context, changed <-chan struct{}) {
	var look <-chan time.Time
	if d.unmet > 0 {
		t := time.NewTimer(retry)
		defer t.Stop()
		look = t.C
	}
	select {
	case <-changed:
	case <-look:
	case <-d.room:
		offer(d.room) // for the beginning of the loop
	case <-ctx.Done():
	}
}

// offer puts a token into c, unless there is one.
func offer(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// meetTopics begins with those whose partitions have become known, by what a former
// process has intended for them.
func (d *Drain) meetTopics() error {
	for _, t := range d.topics {
		count := t.Partitions()
		if t.met() || count == 0 {
			continue
		}
		t.current().count = count
		d.divide(t, count)
		if err := d.loadIntents(t); err != nil {
			t.current().count = 0
			return err
		}
		if d.unmet == len(d.topics) { // before, nothing is read but to see that there is something
			d.config.Store.KeepRecent(d.recent, d.recycle)
		}
		d.unmet--
		if t.passed != noRestart { // the reading may have gone back for another topic, and not be there yet
			d.restart = min(d.restart, t.passed, d.ahead.Position())
		}
	}
	return nil
}

// allHold reports whether each topic is unmet and has messages: then there is nothing
// to read.
func (d *Drain) allHold() bool {
	for _, t := range d.topics {
		if t.met() || !t.holds {
			return false
		}
	}
	return true
}

// failed keeps err, of one way of reading, for those who ask, and waits a moment after
// one. It reports false if ctx has ended.
func (d *Drain) failed(ctx context.Context, way reading, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if err == nil && d.failures[way] == nil {
		return true
	}
	d.failures[way] = err
	failure := cmp.Or(d.failures[:]...)
	for _, t := range d.topics {
		t.Unsent.setFailure(failure)
	}
	return err == nil || pause(ctx)
}

func pause(ctx context.Context) bool {
	t := time.NewTimer(retry)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// readBehind reads again for the lanes that were blocked and have room, up to
// where the cursor ahead is.
func (d *Drain) readBehind(ctx context.Context) error {
	from, ok := d.unblock()
	if !ok {
		return nil
	}
	behind := d.config.Store.Cursor(from)
	behind.Want = d.wantBehind
	blocked := len(d.blocked)
	d.reread = 0
	for ctx.Err() == nil && d.restart == noRestart && behind.Position() < d.ahead.Position() {
		if n := len(d.blocked); n != blocked {
			blocked = n
			next := d.nextBehind()
			if next >= d.ahead.Position() {
				break
			}
			if next > behind.Position() { // what is between is of lanes that are blocked
				behind = d.config.Store.Cursor(next)
				behind.Want = d.wantBehind
			}
		}
		r, _, err := behind.TryNext()
		if err != nil {
			d.blockAgain()
			return err
		}
		if r == nil {
			break
		}
		d.loadWanted(r)
		if d.restart == noRestart && d.othersTurn() {
			d.putOff(behind.Position())
			return nil
		}
	}
	switch {
	case d.restart != noRestart:
		d.blockAgain()
	case ctx.Err() == nil:
		d.caughtUp()
	}
	return nil
}
