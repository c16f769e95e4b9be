package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

type options struct {
	file    string
	timeout time.Duration
	read    bool
	env     bool
	own     settings.Settings // for -bootstrap and -env
}

// parseFlags prints the flags to out when asked for help, and returns
// [flag.ErrHelp] then.
func parseFlags(args []string, out io.Writer) (options, error) {
	var o options
	method := string(settings.Settings{}.WithDefaults().AuthenticationMethod)
	fs := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // one line says it all
	fs.StringVar(&o.own.BootstrapServers, "bootstrap", "", "your own brokers, host:port,host:port; default: a Kafka inside this program")
	fs.StringVar(&o.own.TopicName, "topic", "events", "topic name")
	fs.StringVar(&o.own.UserName, "user", "", "user name; empty: TLS without SASL")
	fs.StringVar(&method, "method", method, "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
	fs.StringVar(&o.own.PasswordFile, "password-file", "", "file with the password; default: environment variable EVENTFERRY_PASSWORD")
	fs.StringVar(&o.own.TLS.CAFile, "ca", "", "file with the certificate authority, PEM; default: the system's")
	fs.StringVar(&o.own.TLS.CertFile, "cert", "", "file with a client certificate, PEM")
	fs.StringVar(&o.own.TLS.KeyFile, "key", "", "file with its key, PEM")
	fs.BoolVar(&o.env, "env", false, "your own brokers by EVENTFERRY_ environment variables, as of examples/localkafka")
	fs.BoolVar(&o.read, "read", true, "read the messages back, which takes the right to read the topic")
	fs.DurationVar(&o.timeout, "timeout", 15*time.Second, "how long everything may take")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(out, "usage: quickstart [flags] [file | -]")
		fs.SetOutput(out)
		fs.PrintDefaults()
		return o, err
	case err != nil:
		return o, err
	case fs.NArg() > 1:
		return o, fmt.Errorf("one file at most, got %d", fs.NArg())
	}
	o.file = fs.Arg(0)
	if o.own.UserName != "" {
		o.own.AuthenticationMethod = settings.Method(method)
		if o.own.PasswordFile == "" {
			o.own.Password = settings.NewSecret(os.Getenv("EVENTFERRY_PASSWORD"))
		}
	}
	return o, checkFlags(fs, o)
}

// checkFlags refuses flags that would change nothing, so that a user does not
// take them for effective.
func checkFlags(fs *flag.FlagSet, o options) (err error) {
	fs.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "timeout", "read", "env":
		case "bootstrap":
			if o.env {
				err = errors.New("-bootstrap and -env exclude each other")
			}
		default:
			if o.own.BootstrapServers == "" {
				err = fmt.Errorf("-%s goes with -bootstrap", f.Name)
			}
		}
	})
	return err
}

// theirs reports whether the Kafka to send to is not one of our own.
func (o options) theirs() bool { return o.env || o.own.BootstrapServers != "" }

// target returns the settings of the Kafka to send to, which stop ends when it
// is one of our own.
func (o options) target() (s settings.Settings, stop func(), err error) {
	switch {
	case o.env:
		for _, v := range settings.Unknown(os.Environ()) {
			fmt.Fprintln(os.Stderr, "quickstart:", v)
		}
		err := s.SetFromEnv(os.LookupEnv)
		return s, func() {}, err
	case o.own.BootstrapServers != "":
		return o.own, func() {}, nil
	}
	k, err := forwardertest.StartKafka()
	if err != nil {
		return settings.Settings{}, nil, err
	}
	return k.Settings(), k.Close, nil
}
