package spool_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// Store while Kafka is away: the batch is on the disk, for this process or the
// next one to deliver.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	s, err := spool.Open(ctx, dir, spool.Options{MaxBytes: 64 << 20})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close() // after the forwarder
	f, err := forwarder.New(ctx, settings.Settings{BootstrapServers: "127.0.0.1:1", TopicName: "events"},
		forwarder.WithSpool(s), forwarder.WithoutProbe())
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()

	b, err := batch.Parse([]byte(`{"mpid":7,"events":[{"event_type":"screen_view"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Store(ctx, b))
	fmt.Println(s.Stats().Messages, "message waits for Kafka")
	// Output:
	// <nil>
	// 1 message waits for Kafka
}

// Look at what brokers have refused, and decide.
func ExampleSpool_Refused() {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	s, err := spool.Open(ctx, dir, spool.Options{MaxBytes: 64 << 20})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	const tooLarge = 10 // Kafka's MESSAGE_TOO_LARGE
	again, discarded := 0, 0
	for m, err := range s.Refused() {
		switch {
		case err != nil:
			log.Print(err) // this one cannot be read; the others follow
		case m.Code == tooLarge: // the topic's max.message.bytes is raised by now
			if err := m.PutAgain(ctx); err != nil {
				log.Fatal(err)
			}
			again++
		default:
			log.Print("discarded: ", m.Reason) // the reason holds no payload
			if err := m.Discard(); err != nil {
				log.Fatal(err)
			}
			discarded++
		}
	}
	fmt.Println(again, "put again,", discarded, "discarded")
	// Output:
	// 0 put again, 0 discarded
}
