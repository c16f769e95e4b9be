// Gateway is the whole product as one service: go run ./examples/gateway serve. Its
// README.md has a first run, the commands, and the configuration.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/eventferry/eventferry/examples/internal/commandline"
	"github.com/eventferry/eventferry/examples/internal/demo"
	"github.com/eventferry/eventferry/examples/internal/doctor"
	"github.com/eventferry/eventferry/examples/internal/feeds"
	"github.com/eventferry/eventferry/examples/internal/jsonfile"
	"github.com/eventferry/eventferry/examples/internal/refused"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "gateway:", err)
	if len(os.Args) > 1 && os.Args[1] == "doctor" {
		os.Exit(doctor.Exit(err))
	}
	os.Exit(1)
}

// A gateway is what the commands work with.
type gateway struct {
	config
	args  []string
	rate  float64       // of replay
	order refused.Order // of refused
	demo  *demo.Demo    // nil: there is a configuration
	out   io.Writer
	log   *slog.Logger
}

const usage = "usage: gateway serve | doctor | explain [FILE] | replay [-rate N] FILE... | drain DIR | " +
	"refused [-put all|N,...] [-discard all|N,...] [-out FILE] [DIR], each with -config FILE behind its name; " +
	"serve alone is a demo; gateway version"

func run(ctx context.Context, args []string) (err error) {
	g := &gateway{out: os.Stdout, log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	rate := func(f *flag.FlagSet) { f.Float64Var(&g.rate, "rate", 0, "batches a second at most; 0: no limit") }
	commands := map[string]commandline.Command{
		"serve": {Run: g.serve}, "doctor": {Run: g.doctor}, "explain": {Run: g.explain, Most: 1}, "drain": {Run: g.drain, Least: 1, Most: 1},
		"replay": {Run: g.replay, Least: 1, Most: math.MaxInt, Flags: rate}, "refused": {Run: g.refused, Most: 1, Flags: g.order.Flags},
	}
	if len(args) == 2 && args[0] == demo.Command {
		return demo.Serve(ctx, args[1], demo.Idle)
	}
	c, err := commandline.Parse("gateway", usage, commands, args, g.out)
	if c == nil {
		return err
	}
	if _, set := os.LookupEnv("EVENTFERRY_BOOTSTRAP_SERVERS"); c.File == "" && !set && c.Name == "serve" {
		if g.demo, err = demo.Find(ctx, "gateway-demo"); err != nil {
			return fmt.Errorf("the demo: %w", err)
		}
		c.File = g.demo.File
	}
	if c.File == "" {
		return fmt.Errorf("-config is missing: gateway %s -config FILE", c.Name)
	}
	for _, v := range settings.Unknown(os.Environ()) {
		g.log.Warn("an environment variable is ignored", "variable", v)
	}
	if g.args, err = c.Args, g.read(c.File); err != nil {
		return fmt.Errorf("-config %s: %w", c.File, err)
	}
	return c.Run(ctx)
}

// A config is the file of the gateway. README.md has a table of its members.
type config struct {
	Settings   settings.Settings `json:"settings"`
	Routes     []forwarder.Route `json:"routes"` // in place of settings.topic_name
	Feeds      []receiver.Feed   `json:"feeds"`
	Listen     string            `json:"listen"`
	Admin      string            `json:"admin"`
	CertFile   string            `json:"cert_file"`
	KeyFile    string            `json:"key_file"`
	Proxies    []netip.Prefix    `json:"trusted_proxies"` // in place of a certificate
	Quarantine string            `json:"quarantine_dir"`
}

// secretOf begins the names of the variables with the secrets of feeds.
const secretOf = "GATEWAY_SECRET_"

// read reads a file, and what the environment sets.
func (c *config) read(file string) error {
	*c = config{Listen: ":8443", Admin: "127.0.0.1:9464"}
	err := jsonfile.Read(file, c)
	feeds.SetSecrets(c.Feeds, secretOf, os.LookupEnv)
	return errors.Join(err, c.Settings.SetFromEnv(os.LookupEnv))
}

// open returns a forwarder to the topic, or to those of the routes.
func (g *gateway) open(ctx context.Context, opts ...forwarder.Option) (*forwarder.Forwarder, error) {
	opts = append(opts, forwarder.WithLogger(g.log))
	if len(g.Routes) > 0 {
		return forwarder.NewRoutes(ctx, g.Settings, g.Routes, opts...)
	}
	return forwarder.New(ctx, g.Settings, opts...)
}
