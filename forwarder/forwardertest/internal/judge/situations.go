package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// A world is a Kafka in which things change while no process forwards to it.
type world struct {
	admin  func(func(*kadm.Client) error) error
	create func(ctx context.Context, topic string, partitions int32) error
	remove func(ctx context.Context, topic string) error
	kept   time.Duration                                                       // what the process is told of brokers' producer ids in an outage
	outage func(ctx context.Context, r *run) (restore func() error, err error) // no partition has a leader for as long as that
	tooOld func(ctx context.Context, topic string) (func(), error)             // brokers refuse older timestamps than now until it is called
	tooNew func(ctx context.Context, topic string) error                       // and those an hour ahead
	bed    func(situation) (g *testbed, done func(), err error)
}

// A situation is what changes between two lives of a process with a spool. What may
// have been written when it was killed is known to the former life only.
type situation struct {
	name       string
	partitions []int32
	rate       float64
	maxBytes   int64 // of the spool, to which all is only stored then
	happen     func(ctx context.Context, r *run, w *world) error
	doubts     int // that are needed at least; each partition may have one
	doubtful   bool
	heldFor    string // what the reason of all that is held says; empty: anything, if doubtful
}

func situations() []situation {
	six := []int32{6}
	return []situation{
		{name: "partitions added between two lives", partitions: []int32{6, 12}, happen: grow},
		{name: "topic replaced by one with fewer partitions", partitions: six, happen: replace, doubtful: true, doubts: 1},
		{name: "no leader for longer than producer ids are kept", partitions: six, happen: outlast, doubtful: true, doubts: 1, heldFor: keptProperty},
		{name: "max.message.bytes lowered between two lives", partitions: six, happen: lower, doubtful: true},
		{name: "timestamps of before refused in the next life", partitions: six, happen: age},
		{name: "clock ahead and back", partitions: six, happen: shift},
		{name: "full disk", partitions: six, rate: 2000, maxBytes: 1 << 20, happen: fill},
	}
}

// run judges one situation.
func (s situation) run(ctx context.Context, w *world, o Options, out io.Writer) error {
	g, done, err := w.bed(s)
	if err != nil {
		return err
	}
	defer done()
	g.name, g.partitions, g.spool = g.name+", "+s.name, s.partitions, true
	o.Goals = Goals{Users: 60, Keyless: 2, Rate: max(s.rate, 600), MaxStall: healTimeout, Limit: o.Goals.Limit}
	g.spoolBytes = s.maxBytes
	g.script = func(ctx context.Context, r *run) error {
		if s.doubtful {
			r.excused, r.heldFor = func(load.Shape) bool { return true }, s.heldFor
		}
		if err := s.happen(ctx, r, w); err != nil {
			return err
		}
		r.checker.doubts, r.checker.leastDoubts = true, s.doubts
		return r.more(ctx)
	}
	return one(ctx, g, o.Seed, o, out)
}

// between kills the process while answers to it are lost, does something, and starts
// the next one.
func (r *run) between(ctx context.Context, do func() error) error {
	const busyFor, tries = 100 * time.Millisecond, 50
	before, _ := r.history.snapshot()
	for range tries {
		for _, p := range r.testbed.proxies {
			p.Swallow(true)
		}
		whenBusy(ctx, r.testbed.proxies)
		<-time.After(busyFor) // for brokers to write
		if r.doorOnSpool() {
			if err := r.holdAnswers(); err != nil {
				return err
			}
		}
		r.process.kill()
		r.crashes.Add(1)
		for _, p := range r.testbed.proxies {
			p.Cut()
			p.Swallow(false)
			p.Cut()
		}
		if err := do(); err != nil {
			return err
		}
		if err := r.launch(ctx); err != nil {
			return err
		}
		if after, _ := r.history.snapshot(); after.Resumed > before.Resumed {
			return nil
		}
		do = func() error { return nil }
		if err := r.more(ctx); err != nil {
			return err
		}
	}
	r.checker.add(NothingHappened, noAttempt(), "no kill hit a request under way")
	return nil
}

// grow adds partitions between two lives.
func grow(ctx context.Context, r *run, w *world) error {
	return r.grow(ctx, w.admin, func(add func() error) error { return r.between(ctx, add) }, func() {})
}

func replace(ctx context.Context, r *run, w *world) error {
	const fewer = 4
	if err := r.more(ctx); err != nil {
		return err
	}
	name := r.testbed.settings.TopicName
	return r.between(ctx, func() error {
		if err := w.remove(ctx, name); err != nil {
			return err
		}
		r.history.mu.Lock()
		former := r.checker
		r.checker = newChecker(r.history, fewer)
		r.checker.begun, r.checker.door, r.checker.spread = former.begun, former.door, false
		r.checker.forgiven = r.history.position + 1 // what was forwarded before may be gone
		r.history.mu.Unlock()
		return w.create(ctx, name, fewer)
	})
}

// outlast tells the process for how long producer ids are kept.
func outlast(ctx context.Context, r *run, w *world) error { return outage(ctx, r, w, w.kept) }

// outage has no partition have a leader for so long that producer ids are forgotten. The
// process is told that they are kept for as long as told says.
func outage(ctx context.Context, r *run, w *world, told time.Duration) (failed error) {
	if err := r.more(ctx); err != nil {
		return err
	}
	restore := func() error { return nil }
	defer func() { failed = errors.Join(failed, restore()) }()
	err := r.between(ctx, func() (err error) {
		r.config.Spool.ProducerIDExpiration = told
		restore, err = w.outage(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	return r.more(ctx)
}

// lower has the topic take only record batches of a few messages.
func lower(ctx context.Context, r *run, w *world) error {
	const takes = 1500
	r.excused = func(load.Shape) bool { return true }
	if err := r.more(ctx); err != nil {
		return err
	}
	return r.between(ctx, func() error {
		value := strconv.Itoa(takes)
		return setTopic(ctx, w, r.testbed.settings.TopicName, "max.message.bytes", value)
	})
}

func setTopic(ctx context.Context, w *world, topic, key, value string) error {
	return w.admin(func(a *kadm.Client) error {
		answers, err := a.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic)
		if err == nil && len(answers) == 1 {
			err = answers[0].Err
		}
		return err
	})
}

func age(ctx context.Context, r *run, w *world) error {
	if err := r.more(ctx); err != nil {
		return err
	}
	var restore func()
	err := r.between(ctx, func() (err error) {
		restore, err = w.tooOld(ctx, r.testbed.settings.TopicName)
		return err
	})
	if err != nil {
		return err
	}
	defer restore()
	return r.more(ctx)
}

func shift(ctx context.Context, r *run, w *world) error {
	// To the end: a former life may have dated what is tried again.
	if err := w.tooNew(ctx, r.testbed.settings.TopicName); err != nil {
		return err
	}
	if err := r.more(ctx); err != nil {
		return err
	}
	r.tell(load.Clock + (2 * time.Hour).String())
	const still = 2 * time.Second
	ok, err := r.eventually(ctx, func() (bool, error) { return r.history.stalledFor(time.Since(r.began)) > still, nil })
	if err == nil && !ok {
		r.checker.add(NothingHappened, noAttempt(), "brokers take what is dated two hours ahead")
	}
	r.checker.clockAhead = time.Now()
	if err != nil {
		return err
	}
	return r.between(ctx, func() error { return nil }) // the next life has the right clock
}

func fill(ctx context.Context, r *run, _ *world) error {
	for _, p := range r.testbed.proxies {
		p.Down()
	}
	full, err := r.eventually(ctx, func() (bool, error) {
		r.history.mu.Lock()
		defer r.history.mu.Unlock()
		return r.history.causes[load.Full] > 0, nil
	})
	if err != nil {
		return err
	}
	if !full {
		r.checker.add(NothingHappened, noAttempt(), "the disk was not full within %s", scenarioTimeout)
	}
	r.process.kill()
	r.crashes.Add(1)
	for _, p := range r.testbed.proxies {
		if err := p.Up(); err != nil {
			return err
		}
	}
	return r.launch(ctx)
}

// embeddedSituations are those of a Kafka in this process, a new one each time.
func embeddedSituations(ctx context.Context, o Options, out io.Writer) error {
	var failed error
	for _, s := range situations() {
		failed = errors.Join(failed, s.run(ctx, embeddedWorld(), o, out))
	}
	return failed
}

func embeddedWorld() *world {
	var k *forwardertest.Kafka
	w := &world{
		create: func(_ context.Context, topic string, n int32) error { return k.CreateTopic(topic, n) },
		remove: func(_ context.Context, topic string) error { return k.DeleteTopic(topic) },
	}
	w.admin = func(do func(*kadm.Client) error) error {
		client, err := k.Client()
		if err != nil {
			return err
		}
		defer client.Close()
		return do(kadm.NewClient(client))
	}
	w.kept = 2 * time.Second
	w.outage = func(context.Context, *run) (func() error, error) {
		away := k.Leaderless(situated)
		time.AfterFunc(w.kept, away.Stop)
		<-time.After(w.kept / 2)
		return func() error { return nil }, nil
	}
	w.tooOld = func(context.Context, string) (func(), error) {
		const invalidTimestamp = 32
		return k.Fail(forwardertest.Produce, invalidTimestamp, 2).Stop, nil
	}
	w.tooNew = func(_ context.Context, topic string) error {
		k.ShiftClock(topic, 0, forwardertest.UntilStopped)
		return nil
	}
	w.bed = func(s situation) (*testbed, func(), error) {
		g, started, err := embedded(ProducerEngine)
		if err != nil {
			return nil, nil, err
		}
		k = started
		g.settings.TopicName, g.reader.TopicName = situated, situated
		if err := k.CreateTopic(situated, s.partitions[0]); err != nil {
			g.close()
			return nil, nil, fmt.Errorf("judge: %w", err)
		}
		return g, g.close, nil
	}
	return w
}

// situated is the topic of situations.
const situated = "situated"
