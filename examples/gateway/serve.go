package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/eventferry/eventferry/examples/internal/doctor"
	"github.com/eventferry/eventferry/examples/internal/metrics"
	"github.com/eventferry/eventferry/examples/internal/quarantine"
	"github.com/eventferry/eventferry/examples/internal/serving"
	"github.com/eventferry/eventferry/examples/internal/version"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

// patience is with a Kafka that is away at the start: once for the doctor's report on all
// topics, and once for the probe. A refusal is told sooner, save by a host that is very slow.
const patience = 10 * time.Second

// serve takes batches until ctx ends. It starts while Kafka is away, and not if
// somebody has to mend something first.
func (g *gateway) serve(ctx context.Context) error {
	g.log.Info("gateway " + version.Text())
	own := g.service().Look(ctx)
	_ = doctor.Print(g.out, own) // what has to be mended first is in Refusal
	if err := doctor.Refusal(own); err != nil {
		return err
	}
	check, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = doctor.Topics(check, g.Settings, g.Routes, g.log, g.out) // here it is an error of Probe
	if err := serving.Probe(ctx, patience, g.log, func(ctx context.Context) (*forwarder.Forwarder, error) {
		probe := gateway{config: g.config, log: g.log}
		probe.Settings.Spool = settings.Spool{}
		return probe.open(ctx)
	}); err != nil {
		return err
	}
	options, page, err := metrics.Page(ctx, "gateway", version.Text())
	if err != nil {
		return err
	}
	f, err := g.open(ctx, append(options, forwarder.WithoutProbe())...)
	if err != nil {
		return doctor.Opened(err, g.Settings.Spool.Dir)
	}
	defer f.Close()
	doctor.Tell(f.Spool(), g.log)
	doors, err := g.doors(f, page)
	if err != nil {
		return err
	}
	admin := serving.Probes(f)
	admin.Handle("GET /metrics", page)
	return serving.Until(ctx, f, g.log, func(addresses []string) {
		fmt.Fprintf(g.out, "process %d: doors at %s, metrics and probes at http://%s\n", os.Getpid(), addresses[0], addresses[1])
		if g.demo != nil {
			g.demo.Show(ctx, g.out, addresses[0])
		}
	}, doors, &http.Server{Addr: g.Admin, Handler: admin, ReadHeaderTimeout: patience})
}

// doors returns the server that clients post to.
func (g *gateway) doors(f *forwarder.Forwarder, page *metrics.Exposition) (*http.Server, error) {
	feeds, err := receiver.StaticFeeds(g.Feeds...)
	if err != nil {
		return nil, err
	}
	var t *tls.Config // nil behind proxies
	if len(g.Proxies) == 0 {
		if t, err = serving.Certificate(g.CertFile, g.KeyFile); err != nil {
			return nil, err
		}
	}
	options := []receiver.Option{receiver.WithLogger(g.log), receiver.WithTrustedProxies(g.Proxies...)}
	if g.Quarantine != "" {
		options = append(options, receiver.WithQuarantine(quarantine.Folder(g.Quarantine)))
	}
	r, err := receiver.New(f, feeds, options...)
	if err != nil {
		return nil, err
	}
	return page.Server(r, g.Listen, t)
}
