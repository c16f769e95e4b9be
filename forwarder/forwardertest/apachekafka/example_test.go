package apachekafka_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// A broker is killed and the batch arrives nevertheless. A test calls New in
// place of Start.
func Example() {
	ctx := context.Background()
	k, err := apachekafka.Start(ctx, apachekafka.WithBrokers(3))
	if err != nil {
		log.Fatal(err)
	}
	defer k.Close()
	if err := k.CreateTopic(ctx, "events", 12, nil); err != nil {
		log.Fatal(err)
	}
	f, err := forwarder.New(ctx, k.Settings("events"))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	b, err := batch.Parse([]byte(`{"mpid":42,"events":[{"event_type":"custom_event"}]}`))
	if err != nil {
		log.Fatal(err)
	}

	k.Kill(1)
	fmt.Println(f.Forward(ctx, b))

	messages, err := forwardertest.Read(ctx, k.Settings("events"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(messages), "message")
}
