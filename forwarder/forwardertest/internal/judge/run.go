package judge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

const (
	maxMessageBytes  = 64 << 10
	healTimeout      = 60 * time.Second // NoProgress
	returnTimeout    = 5 * time.Second  // NoProgress
	readTimeout      = 20 * time.Minute
	startTimeout     = 2 * time.Minute
	progressInFaults = 100 // NothingHappened
)

// A run is one load on one testbed.
type run struct {
	testbed  *testbed
	goals    Goals
	config   load.Config
	dir      string
	history  *history
	injector *injector
	random   *rand.Rand
	kills    *rand.Rand
	process  *process
	told     atomic.Pointer[process] // the process, for faults
	log      *os.File
	crashes  atomic.Int32
	began    time.Time
	healing  time.Duration // from the last fault's end until nothing was under way
	checker  *checker
	excused  func(load.Shape) bool // batches of which calls may fail; nil: of none
	heldFor  string                // in the reason of all that is held; empty: what is excused may have any
	// forgotten is how often a replica had known a producer and then not.
	forgotten int
}

func newRun(g *testbed, dir string, seed uint64, goals Goals, candidate load.Candidate) (*run, error) {
	r := &run{
		testbed: g, goals: goals, dir: dir, began: time.Now(),
		injector: newInjector(g.proxies),
		random:   rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // faults, not secrets
		kills:    rand.New(rand.NewPCG(seed, 2)), //nolint:gosec // the same
	}
	var err error
	r.config = load.Config{
		Params: load.Params{
			Seed: seed, Users: goals.Users, Keyless: goals.Keyless, Stress: candidate.Stressed(),
			Topics: len(g.topics), Windows: g.window != 0,
			Named: candidate.Door != load.NoDoor && candidate.Defect != load.ForgetsIDs, MaxMessageBytes: g.maxMessageBytes,
		},
		Candidate: candidate, Rate: goals.Rate, Dial: g.dial, Begun: r.began,
	}
	if r.config.Settings, err = g.subjectSettings(dir, g.maxMessageBytes); err != nil {
		return nil, err
	}
	if r.log, err = os.Create(filepath.Join(dir, "subject.log")); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	if r.history, err = newHistory(r.config.Params, filepath.Join(dir, "history")); err != nil {
		_ = r.log.Close()
		return nil, err
	}
	if g.script != nil && candidate.Producer == load.Sarama {
		r.excused = func(load.Shape) bool { return true } // it gives up when rights or topics go
	}
	g.tell = r.tell
	r.checker = newChecker(r.history, g.partitions...)
	r.checker.door = candidate.Door != load.NoDoor
	if candidate.Defect == load.None {
		r.checker.begun = r.began
	}
	if g.spool {
		r.prepareSpool()
	}
	return r, nil
}

// do runs the load with its faults, then reads and checks. The error is that of
// the judge; what it finds is in the checker.
func (r *run) do(ctx context.Context) error {
	defer r.log.Close()
	defer r.history.close() //nolint:errcheck // flushed below
	if err := r.launch(ctx); err != nil {
		return err
	}
	defer func() { r.process.kill() }()
	if err := r.injectFaults(ctx); err != nil {
		return err
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	if err := r.history.disk.Flush(); err != nil {
		return fmt.Errorf("judge: history: %w", err)
	}
	r.checker.clockAhead = r.injector.clockAhead()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := readTopics(ctx, r.testbed.reader, r.config.TopicNames(r.testbed.reader.TopicName), func(n int) { r.checker.topic = n }, r.checker.check); err != nil {
		return err
	}
	r.checker.finish()
	return r.checkSecrets()
}

// begin starts the process under test.
func (r *run) begin() (err error) {
	r.config.NextID, r.config.Numbers = r.history.numbers()
	if r.doorOnSpool() {
		r.config.Unanswered = r.history.unanswered()
	}
	if r.process, err = launch(r.config, r.history, r.log, r.injector.on); err == nil {
		r.told.Store(r.process)
	}
	return err
}

// launch starts the process under test and waits until it is connected.
func (r *run) launch(ctx context.Context) error {
	if err := r.begin(); err != nil {
		return err
	}
	select {
	case <-r.history.mark(load.MarkReady):
		return nil
	case <-r.process.ended:
		return r.exited()
	case <-time.After(startTimeout):
		r.process.kill()
		return errors.New("judge: the process under test does not start")
	case <-ctx.Done():
		r.process.kill()
		return ctx.Err()
	}
}

// tell sends a line to the process under test. One that has just been killed does
// not miss it.
func (r *run) tell(line string) {
	if p := r.told.Load(); p != nil {
		_ = p.send(line)
	}
}

// exited is the error of a process that ended by itself.
func (r *run) exited() error {
	return fmt.Errorf("judge: the process under test has ended by itself: %w; the end of its log:\n%s", r.process.err, tail(r.log.Name()))
}

// crash kills the process under test and starts it again.
func (r *run) crash(ctx context.Context) error {
	r.process.kill()
	r.crashes.Add(1)
	return r.launch(ctx)
}

// spoolBytes is so little that the spool is full while Kafka is away.
const spoolBytes = 4 << 20

// windowSpoolBytes has room for what waits in windows, a sixteenth, except when much
// comes at once: then some close early.
const windowSpoolBytes = 16 << 20

// prepareSpool gives r a spool in its folder.
func (r *run) prepareSpool() {
	r.config.Spool = load.Spool{Dir: filepath.Join(r.dir, "spool"), MaxBytes: spoolBytes}
	if r.config.Windows {
		r.config.Spool.MaxBytes = windowSpoolBytes
	}
	if n := r.testbed.spoolBytes; n > 0 {
		r.config.Spool.MaxBytes, r.config.Spool.NoWait = n, true
	}
	r.history.spool = newSpoolHistory()
	r.checker.spread = false // what waits gathers for one partition
}

// killOnce lets the process live for a while, kills it and starts the next one.
func (r *run) killOnce(ctx context.Context) error {
	life, ready := untilKill(r.kills)
	if ready {
		select {
		case <-r.history.mark(load.MarkReady):
		case <-r.process.ended:
			return r.exited()
		case <-time.After(startTimeout):
			return errors.New("judge: the process under test does not start")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-time.After(life):
	case <-r.process.ended:
		return r.exited()
	case <-ctx.Done():
		return ctx.Err()
	}
	if r.doorOnSpool() && r.kills.IntN(holdOneIn) == 0 {
		if err := r.holdAnswers(); err != nil {
			return err
		}
	}
	r.process.kill()
	r.crashes.Add(1)
	return r.begin()
}

// alive is closed when the process has ended by itself. Who kills it sees to that
// instead, if there is one.
func (r *run) alive() <-chan struct{} {
	if r.testbed.spool {
		return nil
	}
	return r.process.ended
}

// injectFaults injects faults until all goals are reached.
func (r *run) injectFaults(ctx context.Context) error {
	if r.testbed.script != nil {
		return r.testbed.script(ctx, r)
	}
	faults, heal := context.WithCancel(ctx)
	defer func() { heal(); r.injector.wg.Wait() }()
	var once func(context.Context) error
	if r.testbed.spool {
		once = r.killOnce
	}
	k := beginKills(ctx, once)
	defer k.stop()
	limit := time.After(r.goals.Limit)
	tick := time.NewTicker(r.testbed.every)
	defer tick.Stop()
	for !r.enough() {
		select {
		case <-tick.C:
		case <-limit:
			r.checker.add(NothingHappened, noAttempt(), "after %s not all goals are reached", r.goals.Limit)
			return nil
		case <-r.alive():
			return r.exited()
		case err := <-k.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
		if pause := r.history.stalledFor(time.Since(r.began)); pause > r.goals.MaxStall {
			r.checker.add(NoProgress, noAttempt(), "nothing was acknowledged for %s: the process under test was ended, its goroutines are in its log", pause)
			k.stop()
			r.process.dump()
			return nil
		}
		if r.testbed.fault == nil {
			continue
		}
		healed := r.injector.inject(faults, r.testbed.fault(r.random))
		if err := r.crashIfDue(ctx); err != nil {
			return err
		}
		if !r.testbed.overlap {
			<-healed
		}
		if _, err := r.injector.hits(); err != nil {
			return err
		}
	}
	return nil
}

// crashIfDue spreads the crashes over the faults.
func (r *run) crashIfDue(ctx context.Context) error {
	hits, _ := r.injector.hits()
	crashes := int(r.crashes.Load())
	if r.testbed.spool || crashes == r.goals.Crashes || hits < (crashes+1)*r.goals.Faults/(r.goals.Crashes+1) {
		return nil
	}
	select { // anywhere between two faults, or in one
	case <-time.After(between(r.random, 0, r.testbed.every)):
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.crash(ctx)
}

func (r *run) enough() bool {
	hits, _ := r.injector.hits()
	t, fewest := r.history.snapshot()
	return hits >= r.goals.Faults && r.injector.allHit(r.testbed.required) && int(r.crashes.Load()) >= r.goals.Crashes &&
		r.testbed.brokersKilled() >= r.goals.BrokerKills &&
		t.Acknowledged >= r.goals.Messages && t.Events >= r.goals.Events && fewest >= r.goals.PerUser
}

// finish brings the load to its end: NoProgress and Leaked.
func (r *run) finish(ctx context.Context) error {
	select {
	case <-r.process.ended: // a verdict has ended it
		if r.checker.counts[NoProgress] > 0 {
			return nil
		}
	default:
	}
	healed := time.Now()
	if err := r.process.send(load.Finish); err != nil {
		return errors.Join(err, r.exited())
	}
	limit := time.After(healTimeout)
	for _, name := range []string{load.MarkQuiet, load.MarkFresh, load.MarkEnd} {
		select {
		case <-r.history.mark(name):
		case <-r.process.ended:
			select {
			case <-r.history.mark(name): // both are true at the end
				continue
			default:
			}
			return r.exited()
		case <-limit:
			r.checker.add(NoProgress, noAttempt(), "%s after all faults have healed the process is not yet %q", healTimeout, name)
			r.process.dump()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
		if name == load.MarkFresh {
			r.healing = time.Since(healed)
		}
	}
	<-r.process.ended
	if r.process.err != nil {
		return r.exited()
	}
	r.checker.checkResources(r.history.resources)
	return nil
}
