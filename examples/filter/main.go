// Filter shows filters: ready-made ones of package filters, and one of your own.
// They edit a batch, drop some of its events, or drop it whole, each with a reason
// that an observer gets. Batches that end up without events are not sent
// (send_batches_without_events is off).
//
//	go run ./examples/filter
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/filters"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "filter:", err)
		os.Exit(1)
	}
}

// noHeartbeats is a filter of our own: it drops single events. Reasons are
// constants: they end up as metric labels, so they must never hold data.
func noHeartbeats(_ context.Context, b *batch.Batch) error {
	b.DropEvents("heartbeat", func(e batch.Event) bool { return e.Name() == "heartbeat" })
	return nil
}

// options are the filters of this program, in the order in which they run.
func options() []forwarder.Option {
	key := filters.Key{ID: "2026", Secret: settings.NewSecret("32 bytes from your secret store.")}
	return []forwarder.Option{
		forwarder.WithFilter("environment", filters.Environment("production")),
		forwarder.WithFilter("consent", filters.Consent(filters.CCPA())),
		forwarder.WithFilter("sample", filters.Sample(0.9, "2026")),
		forwarder.WithFilterFunc("heartbeats", noHeartbeats),
		forwarder.WithFilter("pseudonyms", filters.Pseudonymize(key, filters.Identities("email"), filters.Member("ip"))),
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
	observer := forwarder.Observer{Done: func(_ context.Context, info forwarder.ForwardInfo) {
		for _, d := range info.Dropped {
			fmt.Fprintf(out, "dropped by %s: %s, events: %d\n", d.Filter, d.Reason, d.Events)
		}
		for _, m := range info.Messages {
			fmt.Fprintf(out, "acknowledged: partition %d, events: %d\n", m.Partition, m.Events)
		}
	}}
	f, err := forwarder.New(ctx, s, append(options(), forwarder.WithObserver(observer))...)
	if err != nil {
		return err
	}
	defer f.Close()

	for _, data := range []string{
		`{"mpid":1,"environment":"production","user_identities":[{"identity_type":"email","identity":"ada@example.com"}],` +
			`"events":[{"event_type":"custom_event","data":{"event_name":"heartbeat"}},{"event_type":"screen_view","data":{"screen_name":"Home"}}]}`,
		`{"mpid":2,"environment":"production","events":[{"event_type":"custom_event","data":{"event_name":"heartbeat"}}]}`,
		`{"mpid":3,"environment":"development","events":[{"event_type":"session_start","data":{}}]}`,
		`{"mpid":4,"environment":"production","consent_state":{"ccpa":{"data_sale_opt_out":{"consented":true}}},"events":[{"event_type":"session_start","data":{}}]}`,
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
