package main

import (
	"context"
	"fmt"
	"os"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/examples/internal/carry"
	"github.com/eventferry/eventferry/examples/internal/doctor"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/replay"
	"github.com/eventferry/eventferry/settings"
)

// doctor looks at every step between the settings and each topic.
func (g *gateway) doctor(ctx context.Context) error {
	return doctor.Topics(ctx, g.Settings, g.Routes, g.log, g.out)
}

// explain says what would become of the batches of a file, or of the standard input.
func (g *gateway) explain(ctx context.Context) (err error) {
	in, opts := os.Stdin, []forwarder.Option{}
	if len(g.args) > 0 {
		if in, err = os.Open(g.args[0]); err != nil {
			return err
		}
		defer in.Close()
	}
	if len(g.Routes) > 0 {
		opts = append(opts, forwarder.WithExplainedRoutes(g.Routes...))
	}
	for b, err := range batch.Read(in, 0) {
		if err != nil {
			return err
		}
		e, err := forwarder.Explain(ctx, g.Settings, b, opts...)
		if err != nil {
			return err
		}
		fmt.Fprintln(g.out, e)
	}
	return nil
}

// replay brings archives, files or folders, into Kafka. They go through a spool of
// their own, since the gateway that serves has the other one.
func (g *gateway) replay(ctx context.Context) error {
	if g.Settings.Spool.Dir == "" {
		return errNoSpool
	}
	dir := g.Settings.Spool.Dir + "-replay"
	return g.empty(ctx, dir, func(f *forwarder.Forwarder) error {
		for _, path := range g.args {
			files, err := carry.Archive(path)
			if err != nil {
				return err
			}
			o := replay.Options{Files: files, Name: path, Bad: dir + "-bad.ndjson", Rate: g.rate, Progress: os.Stderr}
			r, err := replay.Run(ctx, f, o)
			if fmt.Fprintf(g.out, "%s: stored %d, bad %d\n", path, r.Stored, r.Bad); err != nil {
				return err
			}
		}
		return nil
	})
}

// drain empties the spool of a gateway that is gone.
func (g *gateway) drain(ctx context.Context) error {
	if err := carry.Find(g.args[0]); err != nil {
		return err
	}
	return g.empty(ctx, g.args[0], func(*forwarder.Forwarder) error { return nil })
}

// empty returns once Kafka has all that a folder holds and fill brings.
func (g *gateway) empty(ctx context.Context, dir string, fill func(*forwarder.Forwarder) error) error {
	of := g.Settings.Spool
	g.Settings.Spool = settings.Spool{Window: of.Window} // its folder is that of the gateway that serves
	return carry.Through(ctx, dir, of.MaxBytes, g.log, g.out, g.open, fill)
}
