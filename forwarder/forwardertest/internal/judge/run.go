package judge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

const (
	maxMessageBytes  = 64 << 10
	healPatience     = 60 * time.Second // I9
	leavePatience    = 5 * time.Second  // I9
	readPatience     = 20 * time.Minute
	startPatience    = 2 * time.Minute
	progressInFaults = 100 // I11
)

// A run is one load on one ground.
type run struct {
	ground   *ground
	goals    Goals
	config   load.Config
	dir      string
	history  *history
	injector *injector
	random   *rand.Rand
	process  *process
	log      *os.File
	crashes  int
	began    time.Time
	healing  time.Duration // from the last fault's end until nothing was under way
	checker  *checker
	excused  func(load.Shape) bool // batches of which calls may fail; nil: of none
}

func newRun(g *ground, dir string, seed uint64, goals Goals, who load.Candidate) (*run, error) {
	r := &run{
		ground: g, goals: goals, dir: dir, began: time.Now(),
		injector: newInjector(g.proxies),
		random:   rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // faults, not secrets
	}
	var err error
	r.config = load.Config{
		Params: load.Params{
			Seed: seed, Users: goals.Users, Keyless: goals.Keyless, Rough: who.Defect == load.None, MaxMessageBytes: maxMessageBytes,
		},
		Candidate: who, Rate: goals.Rate, Dial: g.dial, Begun: r.began,
	}
	if r.config.Settings, err = g.subjectSettings(dir, maxMessageBytes); err != nil {
		return nil, err
	}
	if r.log, err = os.Create(filepath.Join(dir, "subject.log")); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	if r.history, err = newHistory(r.config.Params, filepath.Join(dir, "history")); err != nil {
		_ = r.log.Close()
		return nil, err
	}
	if g.script != nil && who.Producer == load.Sarama {
		r.excused = func(load.Shape) bool { return true } // it gives up when rights or topics go
	}
	r.checker = newChecker(r.history, g.partitions...)
	if who.Defect == load.None {
		r.checker.begun = r.began
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
	if err := r.trouble(ctx); err != nil {
		return err
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	if err := r.history.disk.Flush(); err != nil {
		return fmt.Errorf("judge: history: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	if err := read(ctx, r.ground.reader, r.checker.see); err != nil {
		return err
	}
	r.checker.conclude()
	return r.checkSecrets()
}

// launch starts the process under test and waits until it is connected.
func (r *run) launch(ctx context.Context) (err error) {
	r.config.NextID, r.config.Numbers = r.history.numbers()
	if r.process, err = launch(r.config, r.history, r.log, r.injector.on); err != nil {
		return err
	}
	select {
	case <-r.history.mark(load.MarkReady):
		return nil
	case <-r.process.ended:
		return r.died()
	case <-time.After(startPatience):
		r.process.kill()
		return errors.New("judge: the process under test does not start")
	case <-ctx.Done():
		r.process.kill()
		return ctx.Err()
	}
}

// died is the error of a process that ended by itself.
func (r *run) died() error {
	return fmt.Errorf("judge: the process under test has ended by itself: %w; the end of its log:\n%s", r.process.err, tail(r.log.Name()))
}

// crash kills the process under test and starts it again.
func (r *run) crash(ctx context.Context) error {
	r.process.kill()
	r.crashes++
	return r.launch(ctx)
}

// trouble injects faults until all goals are reached.
func (r *run) trouble(ctx context.Context) error {
	if r.ground.script != nil {
		return r.ground.script(ctx, r)
	}
	faults, heal := context.WithCancel(ctx)
	defer func() { heal(); r.injector.wg.Wait() }()
	limit := time.After(r.goals.Limit)
	tick := time.NewTicker(r.ground.every)
	defer tick.Stop()
	for !r.enough() {
		select {
		case <-tick.C:
		case <-limit:
			r.checker.add(I11, nowhere(), "after %s not all goals are reached", r.goals.Limit)
			return nil
		case <-r.process.ended:
			return r.died()
		case <-ctx.Done():
			return ctx.Err()
		}
		if pause := r.history.stuck(time.Since(r.began)); pause > r.goals.Patience {
			r.checker.add(I9, nowhere(), "nothing was acknowledged for %s: the process under test was ended, its goroutines are in its log", pause)
			r.process.dump()
			return nil
		}
		if r.ground.fault == nil {
			continue
		}
		healed := r.injector.inject(faults, r.ground.fault(r.random))
		if err := r.crashIfDue(ctx); err != nil {
			return err
		}
		if !r.ground.overlap {
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
	if r.crashes == r.goals.Crashes || hits < (r.crashes+1)*r.goals.Faults/(r.goals.Crashes+1) {
		return nil
	}
	select { // anywhere between two faults, or in one
	case <-time.After(between(r.random, 0, r.ground.every)):
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.crash(ctx)
}

func (r *run) enough() bool {
	hits, _ := r.injector.hits()
	t, fewest := r.history.snapshot()
	return hits >= r.goals.Faults && r.crashes == r.goals.Crashes &&
		t.Acknowledged >= r.goals.Messages && t.Events >= r.goals.Events && fewest >= r.goals.PerUser
}

// finish brings the load to its end: I9 and I10.
func (r *run) finish(ctx context.Context) error {
	select {
	case <-r.process.ended: // a verdict has ended it
		if r.checker.counts[I9] > 0 {
			return nil
		}
	default:
	}
	healed := time.Now()
	if err := r.process.say(load.Finish); err != nil {
		return errors.Join(err, r.died())
	}
	limit := time.After(healPatience)
	for _, name := range []string{load.MarkQuiet, load.MarkFresh, load.MarkEnd} {
		select {
		case <-r.history.mark(name):
		case <-r.process.ended:
			select {
			case <-r.history.mark(name): // both are true at the end
				continue
			default:
			}
			return r.died()
		case <-limit:
			r.checker.add(I9, nowhere(), "%s after all faults have healed the process is not yet %q", healPatience, name)
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
		return r.died()
	}
	r.checker.checkVitals(r.history.vitals)
	return nil
}
