package forwarder_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// All mistakes at once, before anything is connected to.
func ExampleNew() {
	_, err := forwarder.New(context.Background(), settings.Settings{
		BootstrapServers: "b1",
		UserName:         "mparticle",
	})
	fmt.Println(err)
	// Output:
	// settings: topic_name: is required
	// settings: bootstrap_servers "b1": has no port: write host:port
	// settings: password: is required with user_name, here or by password_file
}

// What is wrong, step by step, without a working forwarder. Here the settings are, so
// that nothing is connected to.
func ExampleDiagnose() {
	report := forwarder.Diagnose(context.Background(), settings.Settings{
		BootstrapServers: "b1",
		TopicName:        "events",
	})
	for _, c := range report.Checks {
		if c.Status == forwarder.CheckFailed {
			fmt.Printf("%s %s: %s\n", c.Step, c.Target, c.Found)
		}
	}
	fmt.Println(report.Status())
	// Output:
	// settings bootstrap_servers: settings: bootstrap_servers "b1": has no port: write host:port
	// failed
}

// A batch that a filter drops needs no Kafka: Forward returns nil, and the
// observer is told why.
func ExampleWithFilterFunc() {
	ctx := context.Background()
	f := start(ctx,
		forwarder.WithFilterFunc("only production", func(_ context.Context, b *batch.Batch) error {
			if env, _ := b.At("environment").Text(); env != "production" {
				return batch.Drop("not production")
			}
			return nil
		}),
		forwarder.WithObserver(forwarder.Observer{Done: func(_ context.Context, i forwarder.ForwardInfo) {
			for _, d := range i.Dropped {
				fmt.Printf("dropped by %q: %s, events: %d\n", d.Filter, d.Reason, d.Events)
			}
		}}),
	)
	defer f.Close()

	fmt.Println(f.Forward(ctx, parse(`{"mpid":7,"environment":"development","events":[{"event_type":"screen_view"}]}`)))
	// Output:
	// dropped by "only production": not production, events: 1
	// <nil>
}

// An event of a megabyte can never succeed; a call whose context has ended
// might have.
func ExamplePermanent() {
	ctx := context.Background()
	f := start(ctx)
	defer f.Close()

	large := parse(`{"mpid":7,"events":[{"event_type":"custom_event","data":"` + strings.Repeat("x", 1_000_000) + `"}]}`)
	err := f.Forward(ctx, large)
	fmt.Println(err)
	fmt.Println("permanent:", forwarder.Permanent(err), "nothing sent:", forwarder.NothingSent(err))

	ended, end := context.WithCancel(ctx)
	end()
	err = f.Forward(ended, parse(`{"mpid":7,"events":[]}`))
	fmt.Println(errors.Is(err, context.Canceled))
	fmt.Println("permanent:", forwarder.Permanent(err), "nothing sent:", forwarder.NothingSent(err))
	// Output:
	// forwarder: event 0 needs a message of 1000190 bytes, the limit is 1000000
	// permanent: true nothing sent: true
	// true
	// permanent: false nothing sent: true
}

// start makes a forwarder that does not wait for a broker: these examples have
// none.
func start(ctx context.Context, opts ...forwarder.Option) *forwarder.Forwarder {
	s := settings.Settings{BootstrapServers: "127.0.0.1:1", TopicName: "events"}
	f, err := forwarder.New(ctx, s, append(opts, forwarder.WithoutProbe())...)
	if err != nil {
		panic(err)
	}
	return f
}

func parse(text string) *batch.Batch {
	b, err := batch.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return b
}
