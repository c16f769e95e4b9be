package drain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A livesLife is one process.
type livesLife struct {
	*livesWorld

	store     *spoolstore.Store
	drain     atomic.Pointer[Drain]
	producers []*livesProducer
	adders    []*livesAdder
	adding    context.Context // ends with the life
	stop      context.CancelFunc
	working   sync.WaitGroup // what adds and what intends
	opsLeft   atomic.Int64   // operations of the disk until the process ends at one
	dead      atomic.Bool    // it has

	mu       sync.Mutex // guards the producers, too
	rand     *rand.Rand
	passed   map[uint64]bool // with a defect, the entries that were passed over
	bytes    int64           // that the producers have
	bound    int64           // of these
	ended    int             // messages
	farthest uint64          // message up to which the drain has read
	met      map[string]bool // with a defect, the topics that the drain has begun with
	over     bool
	healing  bool
}

// live lives once. The last life delivers all that is left.
func (w *livesWorld) live(last bool) {
	l := &livesLife{livesWorld: w, rand: rand.New(rand.NewPCG(w.rand.Uint64(), 7)), passed: map[uint64]bool{}, met: map[string]bool{}} //nolint:gosec // repeatable
	if !l.start() {
		return
	}
	if !last && l.mood.ops > 0 && w.rand.IntN(l.mood.ops) == 0 {
		l.opsLeft.Store(int64(1 + w.rand.IntN(600)))
	}
	l.run()
	if last {
		l.heal()
	}
	l.end()
}

func (w *livesWorld) setStep(step int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step = step
}

func (l *livesLife) step() int {
	l.livesWorld.mu.Lock()
	defer l.livesWorld.mu.Unlock()
	return l.livesWorld.step
}

var errLivesTorn = errors.New("the process ends here")

// start opens the store, and begins to carry what lies there.
func (l *livesLife) start() bool {
	l.setStep(0)
	l.opsLeft.Store(1 << 60)
	l.disk.Before = func(op disktest.Op) error {
		switch left := l.opsLeft.Add(-1); {
		case left > 0:
			return nil
		case left == 0 && op.Kind == disktest.Write: // a part of it is written
			l.dead.Store(true)
			return errLivesTorn
		default:
			l.dead.Store(true)
			return disktest.ErrPowerCut
		}
	}
	var err error
	l.store, err = spoolstore.Open(l.disk, spoolstore.Options{
		MaxBytes: 16 * l.mood.segmentBytes, SegmentBytes: l.mood.segmentBytes, GroupBytes: 8 << 10, ControlBytes: 128 << 10,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		l.fault("", "store: %s", err)
		return false
	}
	l.adding, l.stop = context.WithCancel(context.Background())
	l.look()
	recovered, err := Recover(l.store, false, func(uint64, MessageResult, *Ended) {}, func(d Doubt) { l.fault("", "doubt: %+v", d) })
	if err != nil {
		l.fault("", "recover: %s", err)
	}
	var topics []Topic
	for i, t := range l.topics {
		p := &livesProducer{life: l, topic: i, journal: Journal{Store: l.store, Topic: t.name}, at: l.rand.IntN(1 + l.mood.late)}
		l.producers = append(l.producers, p)
		topic := Topic{Name: t.name, Producer: p, Partitions: p.count, Unsent: &Unsent{Begun: l.learnSome}}
		if !l.defect.forgetsRecovered {
			p.recover(recovered[t.name])
			topic.Recovered = recovered[t.name]
		}
		topics = append(topics, topic)
	}
	if damage := l.store.Damage(); len(damage) > 0 {
		l.fault("", "damage: %v", damage)
	}
	c := Config{
		Store: l.store, Topics: topics, Hash: hash, MaxBytes: l.mood.maxBytes, Waits: l.waits,
		Settled: func(uint64, MessageResult, *Ended) {}, Recycle: func(b *[]byte) { used(*b) },
	}
	if l.defect.jumps { // the last one is asked when the drain has gone on with the others
		c.Topics = append(c.Topics, Topic{Name: "none", Partitions: l.jump})
	}
	if l.defect.boundless {
		c.MaxBytes *= 10
	}
	d := newDrain(c)
	l.drain.Store(d)
	d.start()
	w := l.livesWorld.rand // the other one is the producers', too, from here on
	for i := range l.mood.adders {
		a := &livesAdder{life: l, index: i, rand: rand.New(rand.NewPCG(w.Uint64(), 8)), work: make(chan struct{}, 8)} //nolint:gosec // repeatable
		l.adders = append(l.adders, a)
		l.working.Go(a.run)
	}
	return true
}

// look reads all that is on the disk, and calculates what the producers may have of it.
func (l *livesLife) look() {
	pending := map[int]bool{}
	intended := map[uint64]bool{}
	for _, t := range l.topics {
		for _, i := range l.store.Intents(t.name) {
			for _, r := range slices.Concat(i.Messages, i.Whole) {
				for n := r.First; n <= r.Next; n++ {
					intended[n] = true
				}
			}
		}
	}
	for c := l.store.Cursor(0); ; {
		r, _, err := c.TryNext()
		if err != nil {
			l.fault("", "reading: %s", err)
		}
		if r == nil {
			break
		}
		bytes, begun := int64(0), false
		for i := range r.Entry.Messages {
			m := &r.Entry.Messages[i]
			n := r.First + uint64(i) //nolint:gosec // an index
			begun = begun || intended[n]
			bytes += int64(len(m.Value) + len(r.Entry.Key) + 1000)
			if !l.store.IsDone(n) {
				pending[livesID(m.Value)] = true
			}
		}
		if begun {
			l.bound += bytes
		}
	}
	l.reconcile(pending)
	l.say("start: %d messages on the disk, %d record batches may be written", len(pending), len(l.store.OpenIntents()))
	l.bound += l.mood.maxBytes
}

// waits is asked of each entry that the drain reads.
func (l *livesLife) waits(r *spoolstore.Record) bool {
	l.noteReading(r)
	l.learnSome()
	l.meddle()
	if !l.defect.passesOver {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.passed[r.First] || l.rand.IntN(20) > 0 {
		l.passed[r.First] = true
		return false
	}
	l.passed[r.First] = true
	return true
}

// noteReading notes how the lanes are for which an entry is. The drain's reading goroutine
// calls it.
func (l *livesLife) noteReading(r *spoolstore.Record) {
	d := l.drain.Load()
	if r.Entry.Key == nil {
		return
	}
	text := "is read"
	for from := 0; from < len(r.Entry.Messages); {
		p := d.partAt(r, from)
		from = p.to
		if p.topic == nil {
			continue
		}
		if !p.topic.met() {
			text += fmt.Sprintf("; %s is not met", p.topic.Name)
			continue
		}
		e := p.topic.current()
		id := hash(r.Entry.Key, e.count)
		text += fmt.Sprintf("; %s, partition %d of %d", p.topic.Name, id, e.count)
		if lane := e.lanes[id]; lane != nil {
			text += fmt.Sprintf(" next %d", lane.next)
			if lane.blocked {
				text += " blocked"
				l.happens("a lane is blocked")
			}
			if lane.behind {
				text += " behind"
				l.happens("a lane is read again")
			}
		}
	}
	text += fmt.Sprintf("; ahead is at %d", d.ahead.Position())
	l.note(livesEvent{what: text, topic: -1, user: string(r.Entry.Key), number: r.First})
}

func (w *livesWorld) happens(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.happened[what]++
}

// meddle does something for a partition while the drain is in the middle of something.
func (l *livesLife) meddle() {
	l.mu.Lock()
	meddles := l.rand.IntN(100) < l.mood.meddles
	l.mu.Unlock()
	if meddles {
		l.act()
	}
}

// act does something for one partition.
func (l *livesLife) act() {
	if rest := l.begin(); rest != nil {
		rest()
	}
}

func (l *livesLife) begin() (rest func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.producers[l.rand.IntN(len(l.producers))]
	if l.over || len(p.partitions) == 0 {
		return nil
	}
	return p.partitions[l.rand.IntN(len(p.partitions))].actLocked()
}

// run does one thing after the other.
func (l *livesLife) run() {
	m := &l.mood
	chance := func(percent int) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.rand.IntN(100) < percent
	}
	steps := 1 + l.livesWorld.rand.IntN(m.steps)
	for step := range steps {
		if l.dead.Load() || l.failed() {
			return
		}
		l.setStep(step)
		l.learn()
		switch {
		case chance(m.add) && l.left() < m.backlog:
			l.adders[l.livesWorld.rand.IntN(len(l.adders))].offer()
		case chance(m.stand):
			l.stand()
		case chance(2):
			time.Sleep(time.Duration(l.livesWorld.rand.IntN(200)) * time.Millisecond) //nolint:forbidigo // in a bubble
		default:
			l.act()
		}
		if l.livesWorld.rand.IntN(m.rests) == 0 {
			synctest.Wait()
		}
	}
}

func (l *livesLife) idle() bool {
	return !slices.ContainsFunc(l.adders, func(a *livesAdder) bool { return len(a.work) > 0 || a.busy.Load() })
}

// end ends the process, and leaves the disk as the next one finds it.
func (l *livesLife) end() {
	orderly := !l.dead.Load() && l.livesWorld.rand.IntN(4) == 0
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	next := l.disk
	switch {
	case orderly:
		l.say("the process is closed")
	case l.livesWorld.rand.IntN(100) < l.mood.cuts:
		next = l.disk.Cut()
		l.say("the power is cut")
	default:
		next = l.disk.Stop()
		l.say("the process is killed")
	}
	l.arrive()
	l.stop()
	l.drain.Load().Close()
	patience := time.Millisecond
	if orderly {
		patience = time.Hour
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.store.Close(ctx); orderly && err != nil {
		l.fault("", "close: %s", err)
	}
	l.working.Wait()
	for _, a := range l.adders {
		a.collect()
	}
	if orderly {
		next = l.disk.Stop()
	}
	l.disk = next
	l.livesWorld.life++
}

// arrive lets some of the requests arrive that were on their way.
func (l *livesLife) arrive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.producers {
		for _, part := range p.partitions {
			if part.batch != nil && part.batch.recorded && l.rand.IntN(3) == 0 {
				l.write(p.topic, part.batch)
			}
		}
	}
}
