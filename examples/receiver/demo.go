package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A demo is what a first run needs: a Kafka, a certificate, credentials, a folder for
// batches, and a reader of the messages that arrive.
type demo struct {
	kafka  *forwardertest.Kafka
	dir    string
	values map[string]string
	other  lookup
	reader *kgo.Client
	read   chan struct{} // closed once the reader has ended
}

const sample = `{"mpid":7346244611012968789,"message_id":"m-1","environment":"development",` +
	`"events":[{"event_type":"custom_event","data":{"event_name":"Hello"}}]}`

// startDemo starts a Kafka inside the program and says how to post to the service.
func startDemo(ctx context.Context, env lookup, out io.Writer) (_ *demo, err error) {
	d := &demo{other: env, read: make(chan struct{})}
	if d.dir, err = os.MkdirTemp("", "eventferry-receiver-"); err != nil {
		return nil, err
	}
	if d.kafka, err = forwardertest.StartKafka(); err != nil {
		return nil, err
	}
	issued, err := d.kafka.CA().IssueServer()
	if err != nil {
		return nil, err
	}
	certificate, key, err := issued.WriteFiles(d.dir, "receiver")
	if err != nil {
		return nil, err
	}
	authority, err := d.kafka.CA().WriteFile(d.dir)
	if err != nil {
		return nil, err
	}
	listen := env.get("LISTEN")
	if listen == "" {
		listen = "127.0.0.1:8443"
	}
	secret := "Bearer " + rand.Text()
	s := d.kafka.Settings()
	d.values = map[string]string{
		"EVENTFERRY_BOOTSTRAP_SERVERS":     s.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME":            s.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD": string(s.AuthenticationMethod),
		"EVENTFERRY_USER_NAME":             s.UserName,
		"EVENTFERRY_PASSWORD":              s.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE":           s.TLS.CAFile,
		prefix + "LISTEN":                  listen,
		prefix + "WEBHOOK_SECRET":          secret,
		prefix + "FEEDS":                   "demo:demo-key:" + rand.Text(),
		prefix + "TLS_CERT_FILE":           certificate,
		prefix + "TLS_KEY_FILE":            key,
		"EVENTFERRY_SPOOL_DIR":             filepath.Join(d.dir, "spool"),
		"EVENTFERRY_SPOOL_MAX_BYTES":       "16777216",
	}
	if d.reader, err = d.kafka.Client(kgo.ConsumeTopics(s.TopicName), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())); err != nil {
		return nil, err
	}
	go d.print(ctx, out)
	fmt.Fprintf(out, "a Kafka inside the program, until interrupted; in another terminal:\n\n"+
		"curl --cacert %s -H 'Authorization: %s' \\\n  -d '%s' https://%s/webhook\n\n", authority, secret, sample, listen)
	return d, nil
}

// env is the environment of the service.
func (d *demo) env(name string) (string, bool) {
	if value, ok := d.values[name]; ok {
		return value, true
	}
	return d.other(name)
}

// print writes each message that arrives.
func (d *demo) print(ctx context.Context, out io.Writer) {
	defer close(d.read)
	for ctx.Err() == nil {
		fetched := d.reader.PollFetches(ctx)
		if fetched.IsClientClosed() {
			return
		}
		fetched.EachRecord(func(r *kgo.Record) {
			fmt.Fprintf(out, "arrived: partition %d offset %d key %s\n%s\n", r.Partition, r.Offset, r.Key, r.Value)
		})
	}
}

func (d *demo) close() {
	d.reader.Close()
	<-d.read
	d.kafka.Close()
	_ = os.RemoveAll(d.dir) // the system's folder of temporary files is emptied anyway
}
