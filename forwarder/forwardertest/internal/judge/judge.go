// Package judge finds out whether a forwarder keeps its promises: it has a
// process of its own forward batches, does to it and to its Kafka what goes
// wrong in the world, reads everything back with another client and compares.
//
// # What is compared
//
// The process under test writes each call and each outcome into a pipe before
// it acts on it, so that it may be killed at any moment. Batches carry the
// number of their owner, a number that counts the owner's attempts and an id
// that a resend keeps; all their bytes follow from these and from the seed. The
// invariants are listed at [I1] and the following.
//
// They hold for both producers. Of its own engine the forwarder promises more:
// what a broker refuses for its own sake fails alone, and rights that are
// withdrawn are waited for. Sarama's producer may fail calls then.
//
// # What keeps the judge honest
//
// A fault counts when a request was in flight and a connection or an answer has
// changed. Controls put broken clients in the forwarder's place: each must be
// caught, for what is wrong with it.
package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// ErrFailed is a verdict, not a mistake of the judge.
var ErrFailed = errors.New("judge: FAILED")

// onEach makes a run for each seed.
func onEach(ctx context.Context, o Options, w io.Writer, run func(context.Context, Options, io.Writer) error) error {
	var failed error
	for range o.Seeds {
		failed = errors.Join(failed, run(ctx, o, w))
		o.Seed++
	}
	return failed
}

func onEmbedded(ctx context.Context, o Options, w io.Writer) error {
	g, _, err := embedded()
	if err != nil {
		return err
	}
	defer g.close()
	return one(ctx, g, o.Seed, o, w)
}

func onApache(ctx context.Context, o Options, w io.Writer) error {
	g, c, err := apache(ctx, o.Version, o.LongestStop)
	if err != nil {
		return err
	}
	defer g.close()
	failed := one(ctx, g, o.Seed, o, w)
	return errors.Join(failed, judgeSides(ctx, g, c, o, w))
}

// one makes one run.
func one(ctx context.Context, g *ground, seed uint64, o Options, w io.Writer) error {
	dir, remove, err := folder(o.Keep, fmt.Sprintf("seed-%d", seed))
	if err != nil {
		return err
	}
	r, err := newRun(g, dir, seed, o.Goals, load.Candidate{Producer: o.Producer})
	if err != nil {
		return err
	}
	if err := r.do(ctx); err != nil {
		printf(w, "%s, %s, seed %d: the judge failed after %s: %v; its files: %s\n", g.name, r.config.Candidate, seed, time.Since(r.began).Round(time.Second), err, dir)
		r.report(w, g.name)
		return errors.Join(ErrFailed, err)
	}
	r.checkSomething()
	if !r.report(w, g.name) {
		printf(w, "  history and log: %s\n", dir)
		return ErrFailed
	}
	return remove()
}

// folder makes a folder for a run's files. remove does nothing if they are to
// be kept.
func folder(keep, name string) (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp(keep, "eventferry-judge-"+name+"-")
	if err != nil {
		return "", nil, fmt.Errorf("judge: %w", err)
	}
	if keep != "" {
		return dir, func() error { return nil }, nil
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}
