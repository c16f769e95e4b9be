package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Run judges and writes what it finds. The error wraps [ErrFailed] if that is
// not what it must be.
func Run(ctx context.Context, o Options, w io.Writer) error {
	if err := errors.Join(o.Producer.Validate(), o.Door.Validate()); err != nil {
		return err
	}
	if o.Spool && o.Producer != ProducerEngine {
		return errSpoolProducer
	}
	if err := errors.Join(o.checkRoutes(), o.checkWindow()); err != nil {
		return err
	}
	if o.Level == LevelApache {
		return onEach(ctx, o, w, onApache)
	}
	var failed error
	if o.Controls {
		failed = controls(ctx, o, w)
	}
	return errors.Join(failed, onEach(ctx, o, w, onEmbedded))
}

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
	g, k, err := embedded(o.Producer)
	if err != nil {
		return err
	}
	defer g.close()
	if err := g.route(o, k); err != nil {
		return err
	}
	g.spool, g.window = o.Spool, o.Window
	failed := one(ctx, g, o.Seed, o, w)
	if o.Spool && o.Routes == 0 && o.Window == 0 {
		failed = errors.Join(failed, embeddedSituations(ctx, o, w))
	}
	return failed
}

func onApache(ctx context.Context, o Options, w io.Writer) error {
	g, c, err := apache(ctx, o.Producer, o.Version, o.LongestStop)
	if err != nil {
		return err
	}
	defer g.close()
	if o.Routes > 0 {
		return c.judgeRoutes(ctx, o, w)
	}
	if o.Spool {
		c.forSpool(g)
		if g.window = o.Window; o.Window != 0 {
			return one(ctx, g, o.Seed, o, w)
		}
		return errors.Join(one(ctx, g, o.Seed, o, w), apacheSituations(ctx, g, c, o, w))
	}
	failed := one(ctx, g, o.Seed, o, w)
	if o.Door != NoDoor {
		return failed // scenarios are about what calls return
	}
	return errors.Join(failed, runScenarios(ctx, g, c, o, w))
}

// checkWindow returns what windows cannot be with.
func (o Options) checkWindow() error {
	if o.Window != 0 && (!o.Spool || o.Door != NoDoor || o.Routes != 0) {
		return errWindow
	}
	return nil
}

var errWindow = errors.New("judge: windows are on a spool, and neither behind a door nor with routes")

var errSpoolProducer = fmt.Errorf("judge: the producer %s has no spool", ProducerSarama)
