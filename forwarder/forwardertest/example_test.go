package forwardertest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A lost answer: the broker has the message, the program cannot know. It is
// sent again by itself and still there once.
func Example() {
	ctx := context.Background()
	k, err := forwardertest.StartKafka() // in a test: NewKafka(t)
	if err != nil {
		log.Fatal(err)
	}
	defer k.Close()
	f, err := forwarder.New(ctx, k.Settings())
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	b, err := batch.Parse([]byte(`{"mpid":42,"events":[{"event_type":"custom_event"}]}`))
	if err != nil {
		log.Fatal(err)
	}

	lost := k.LoseAnswers(forwardertest.Produce, 1)
	fmt.Println(f.Forward(ctx, b))
	fmt.Println(lost.Hits(), "answer lost")

	messages, err := forwardertest.Read(ctx, k.Settings()) // in a test: k.Messages(t, "events")
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range messages {
		fmt.Printf("partition %d offset %d key %s: %s\n", m.Partition, m.Offset, m.Key, m.Value)
	}
	// Output:
	// <nil>
	// 1 answer lost
	// partition 4 offset 0 key 42: {"mpid":42,"events":[{"event_type":"custom_event"}]}
}
