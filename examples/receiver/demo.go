package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"os"
	"strconv"

	"github.com/eventferry/eventferry/examples/internal/demo"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A firstRun has what a run without settings needs: a Kafka inside the program, and
// the variables that stand for those that are missing.
type firstRun struct {
	kafka  *forwardertest.Kafka
	dir    string
	values map[string]string
	other  lookup
	stop   func()
}

// startDemo starts a Kafka inside the program and says how to post to the service.
func startDemo(ctx context.Context, env lookup, out io.Writer) (_ *firstRun, err error) {
	r := &firstRun{other: env}
	if r.dir, err = os.MkdirTemp("", "eventferry-receiver-"); err != nil {
		return nil, err
	}
	if r.kafka, err = forwardertest.StartKafka(); err != nil {
		return nil, err
	}
	d, err := demo.New(r.kafka, r.dir)
	if err != nil {
		return nil, err
	}
	listen, set := cmp.Or(env.get("LISTEN"), d.Listen), d.Settings
	r.values = map[string]string{
		"EVENTFERRY_BOOTSTRAP_SERVERS":     set.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME":            set.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD": string(set.AuthenticationMethod),
		"EVENTFERRY_USER_NAME":             set.UserName,
		"EVENTFERRY_PASSWORD":              set.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE":           set.TLS.CAFile,
		"EVENTFERRY_SPOOL_DIR":             set.Spool.Dir,
		"EVENTFERRY_SPOOL_MAX_BYTES":       strconv.FormatInt(set.Spool.MaxBytes, 10),
		prefix + "LISTEN":                  listen,
		prefix + "WEBHOOK_SECRET":          d.Feeds[0].Secrets[0].Reveal(),
		prefix + "FEEDS":                   "demo:demo-key:" + rand.Text(),
		prefix + "TLS_CERT_FILE":           d.CertFile,
		prefix + "TLS_KEY_FILE":            d.KeyFile,
	}
	r.stop = d.Show(ctx, out, listen)
	return r, nil
}

// env is the environment of the service.
func (r *firstRun) env(name string) (string, bool) {
	if value, ok := r.values[name]; ok {
		return value, true
	}
	return r.other(name)
}

func (r *firstRun) close() {
	r.stop()
	r.kafka.Close()
	_ = os.RemoveAll(r.dir) // the system's folder of temporary files is emptied anyway
}
