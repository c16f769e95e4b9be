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

	"github.com/eventferry/eventferry/examples/internal/demo"
	"github.com/eventferry/eventferry/examples/internal/jsonfile"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// A gateway is what the commands work with.
type gateway struct {
	config
	args []string
	rate float64    // of replay
	demo *demo.Demo // nil: there is a configuration
	out  io.Writer
	log  *slog.Logger
}

const usage = "usage: gateway serve | doctor | explain [FILE] | replay [-rate N] FILE... | drain DIR, each with -config FILE " +
	"behind its name; serve alone is a demo"

type action struct {
	run         func(context.Context) error
	least, most int // arguments
}

func run(ctx context.Context, args []string) (err error) {
	g := &gateway{out: os.Stdout, log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	commands := map[string]action{
		"serve": {g.serve, 0, 0}, "doctor": {g.doctor, 0, 0}, "explain": {g.explain, 0, 1},
		"replay": {g.replay, 1, math.MaxInt}, "drain": {g.drain, 1, 1},
	}
	if len(args) == 2 && args[0] == demo.Command {
		return demo.Serve(ctx, args[1], demo.Idle)
	}
	if len(args) == 0 || commands[args[0]].run == nil {
		return errors.New(usage)
	}
	c := commands[args[0]]
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	file := flags.String("config", "", "the configuration, a JSON file; variables of the environment win over its settings")
	if args[0] == "replay" {
		flags.Float64Var(&g.rate, "rate", 0, "batches a second at most; 0: no limit")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if n := flags.NArg(); n < c.least || n > c.most {
		return fmt.Errorf("%s does not take %q: %s", args[0], flags.Args(), usage)
	}
	if _, set := os.LookupEnv("EVENTFERRY_BOOTSTRAP_SERVERS"); *file == "" && !set && args[0] == "serve" {
		if g.demo, err = demo.Find(ctx, "gateway-demo"); err != nil {
			return fmt.Errorf("the demo: %w", err)
		}
		*file = g.demo.File
	}
	for _, v := range settings.Unknown(os.Environ()) {
		g.log.Warn("an environment variable is ignored", "variable", v)
	}
	if g.args, err = flags.Args(), g.read(*file); err != nil {
		return fmt.Errorf("-config %s: %w", *file, err)
	}
	return c.run(ctx)
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

// read reads a file, and what the environment sets.
func (c *config) read(file string) error {
	*c = config{Listen: ":8443", Admin: "127.0.0.1:9464"}
	err := jsonfile.Read(file, c)
	for i, f := range c.Feeds {
		for _, end := range []string{"", "_2"} {
			if secret := os.Getenv("GATEWAY_SECRET_" + f.Name + end); secret != "" {
				c.Feeds[i].Secrets = append(c.Feeds[i].Secrets, settings.NewSecret(secret))
			}
		}
	}
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
