// Filter shows what filters of your own look like: they edit a batch, drop some
// of its events, or drop it whole, each with a reason that an observer sees.
// Batches that end up without events are not sent (send_batches_without_events
// is off).
//
//	go run ./examples/filter
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strconv"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "filter:", err)
		os.Exit(1)
	}
}

// onlyProduction drops whole batches. Reasons are constants: they end up as
// metric labels, so they must never hold data.
func onlyProduction(_ context.Context, b *batch.Batch) error {
	if env, _ := b.At("environment").Text(); env != "production" {
		return batch.Drop("not production")
	}
	return nil
}

// noHeartbeats drops single events.
func noHeartbeats(_ context.Context, b *batch.Batch) error {
	b.DropEvents("heartbeat", func(e batch.Event) bool { return e.Name() == "heartbeat" })
	return nil
}

// hashEmails replaces e-mail addresses by a keyed hash, wherever in a batch
// identities are. A filter that fails sends nothing: what should have been
// hashed never leaves in the clear.
func hashEmails(key []byte) batch.FilterFunc {
	return func(_ context.Context, b *batch.Batch) error {
		for kind, identity := range b.Identities() {
			email, ok := identity.Text()
			if kind != "email" || !ok {
				continue
			}
			h := hmac.New(sha256.New, key)
			h.Write([]byte(email))
			if err := identity.Set(hex.EncodeToString(h.Sum(nil))); err != nil {
				return err
			}
		}
		return nil
	}
}

// sample keeps a share of the users, in percent. It hashes the user id by
// itself: the hash that chooses partitions would empty most of them.
func sample(percent uint32) batch.FilterFunc {
	return func(_ context.Context, b *batch.Batch) error {
		id, _ := b.UserID()
		h := fnv.New32a()
		h.Write(strconv.AppendInt([]byte("sample of users:"), id, 10))
		if h.Sum32()%100 >= percent {
			return batch.Drop("not in the sample")
		}
		return nil
	}
}

func run(ctx context.Context, out io.Writer) error {
	kafka, err := forwardertest.StartKafka()
	if err != nil {
		return err
	}
	defer kafka.Close()

	s := kafka.Settings()
	s.SendBatchesWithoutEvents = settings.Off
	f, err := forwarder.New(ctx, s,
		forwarder.WithFilter("environment", batch.FilterFunc(onlyProduction)),
		forwarder.WithFilter("sample", sample(90)),
		forwarder.WithFilter("heartbeats", batch.FilterFunc(noHeartbeats)),
		forwarder.WithFilter("hash e-mails", hashEmails([]byte("from your secret store"))),
		forwarder.WithObserver(forwarder.Observer{Done: func(_ context.Context, info forwarder.ForwardInfo) {
			for _, d := range info.Dropped {
				fmt.Fprintf(out, "dropped by %s: %s (%d events)\n", d.Filter, d.Reason, d.Events)
			}
			for _, m := range info.Messages {
				fmt.Fprintf(out, "acknowledged: partition %d, %d events\n", m.Partition, m.Events)
			}
		}}))
	if err != nil {
		return err
	}
	defer f.Close()

	for _, data := range []string{
		`{"mpid":1,"environment":"production","user_identities":[{"identity_type":"email","identity":"ada@example.com"}],` +
			`"events":[{"event_type":"custom_event","data":{"event_name":"heartbeat"}},{"event_type":"screen_view","data":{"screen_name":"Home"}}]}`,
		`{"mpid":2,"environment":"production","events":[{"event_type":"custom_event","data":{"event_name":"heartbeat"}}]}`,
		`{"mpid":3,"environment":"development","events":[{"event_type":"session_start","data":{}}]}`,
	} {
		b, err := batch.Parse([]byte(data))
		if err != nil {
			return err
		}
		if err := f.Forward(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
