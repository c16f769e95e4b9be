// Package demo is what a first run of an example service needs: a Kafka with its
// settings, a certificate, a secret, a line for curl, and a reader of what arrives. The
// Kafka may be in the same process, or in one that outlives it.
package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

// A Demo is what a service is set up with. Its tags are the keys of the gateway's
// configuration.
type Demo struct {
	Settings settings.Settings `json:"settings"` // tls.ca_file is the authority of CertFile, too
	Feeds    []receiver.Feed   `json:"feeds"`    // one, without an API key
	Listen   string            `json:"listen"`
	Admin    string            `json:"admin"` // for a second server
	CertFile string            `json:"cert_file"`
	KeyFile  string            `json:"key_file"`

	File  string `json:"-"` // with all of the above, of a demo of Find
	Kafka string `json:"-"` // where it is, and how it ends
}

// New sets up a service on a Kafka, with files in dir.
func New(k *forwardertest.Kafka, dir string) (*Demo, error) {
	d := &Demo{
		Settings: k.Settings(),
		Feeds:    []receiver.Feed{{Name: "demo", Secrets: []settings.Secret{settings.NewSecret("Bearer " + rand.Text())}}},
		Listen:   "127.0.0.1:8443", Admin: "127.0.0.1:9464",
		Kafka: "A Kafka inside the program keeps messages until it is interrupted",
	}
	issued, err := k.CA().IssueServer()
	if err != nil {
		return nil, err
	}
	if d.CertFile, d.KeyFile, err = issued.WriteFiles(dir, "service"); err != nil {
		return nil, err
	}
	d.Settings.TLS.CAFile, err = k.CA().WriteFile(dir)
	d.Settings.Spool = settings.Spool{Dir: filepath.Join(dir, "spool"), MaxBytes: 16 << 20}
	return d, err
}

// Sample is a batch to post.
const Sample = `{"mpid":7346244611012968789,"message_id":"m-1","environment":"development",` +
	`"events":[{"event_type":"custom_event","data":{"event_name":"Hello"}}]}`

// Show says how to post to a service at an address. Then it prints the messages of the
// topic, from the first on and as they arrive, until ctx ends or the function that it
// returns is called, which waits for that.
func (d *Demo) Show(ctx context.Context, out io.Writer, address string) (stop func()) {
	fmt.Fprintf(out, "\n%s. Post a batch from another terminal; what Kafka has is printed here:\n\n", d.Kafka)
	fmt.Fprintf(out, "curl --cacert '%s' -H 'Authorization: %s' \\\n  -d '%s' https://%s/webhook\n\n",
		d.Settings.TLS.CAFile, d.Feeds[0].Secrets[0].Reveal(), Sample, address)
	reader, err := d.reader()
	if err != nil {
		fmt.Fprintln(out, "nothing can be read:", err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer reader.Close()
		for {
			fetched := reader.PollFetches(ctx)
			if fetched.IsClientClosed() || ctx.Err() != nil {
				return
			}
			fetched.EachRecord(func(r *kgo.Record) {
				fmt.Fprintf(out, "arrived: partition %d offset %d key %s\n%s\n", r.Partition, r.Offset, r.Key, r.Value)
			})
		}
	}()
	return func() { cancel(); <-ended }
}

// reader returns a client that reads the topic.
func (d *Demo) reader() (*kgo.Client, error) {
	opts, err := forwardertest.ClientOptions(d.Settings)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(opts, kgo.ConsumeTopics(d.Settings.TopicName), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
}
