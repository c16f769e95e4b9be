package main

import (
	"context"
	"errors"
	"strings"

	"github.com/eventferry/eventferry/examples/internal/carry"
	"github.com/eventferry/eventferry/examples/internal/doctor"
	"github.com/eventferry/eventferry/examples/internal/explaining"
	"github.com/eventferry/eventferry/examples/internal/refused"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// doctor looks at this machine, at the spool, and at every step between the settings and
// each topic.
func (g *gateway) doctor(ctx context.Context) error {
	own := g.service()
	err := doctor.Print(g.out, append(own.Look(ctx), own.Held(ctx, g.topics(), g.log)...))
	return doctor.Worst(err, doctor.Topics(ctx, g.Settings, g.Routes, g.log, g.out))
}

// service is what the gateway needs of its machine.
func (g *gateway) service() doctor.Service {
	return doctor.Service{
		Feeds: g.Feeds, Variable: secretOf, Proxied: len(g.Proxies) > 0, CertFile: g.CertFile, KeyFile: g.KeyFile,
		Quarantine: g.Quarantine, Listen: [][2]string{{"listen", g.Listen}, {"admin", g.Admin}}, Settings: g.Settings, Routes: g.Routes,
	}
}

// topics are where messages go.
func (g *gateway) topics() []string {
	topics := []string{g.Settings.TopicName}
	for _, r := range g.Routes {
		topics = append(topics, r.Topic)
	}
	return topics
}

// explain says what would become of the batches of a file, or of the standard input.
func (g *gateway) explain(ctx context.Context) error {
	return explaining.File(ctx, strings.Join(g.args, ""), g.Settings, g.Routes, g.out)
}

// refused is for what brokers have refused, in the gateway's spool or another one.
func (g *gateway) refused(ctx context.Context) error {
	g.order.Dir, g.order.MaxBytes = strings.Join(g.args, ""), g.Settings.Spool.MaxBytes
	if len(g.args) == 0 {
		g.order.Dir = g.Settings.Spool.Dir
	}
	return refused.Run(ctx, g.order, g.log, g.out)
}

// replay brings archives, files or folders, into Kafka. They go through a spool of
// their own, since the gateway that serves has the other one.
func (g *gateway) replay(ctx context.Context) error {
	if g.Settings.Spool.Dir == "" {
		return errors.New("settings.spool.dir is missing: replay has a folder beside it")
	}
	dir := g.Settings.Spool.Dir + "-replay"
	return g.empty(ctx, dir, func(f *forwarder.Forwarder) error {
		return carry.Archives(ctx, f, g.args, dir+"-bad.ndjson", g.rate, g.out)
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
