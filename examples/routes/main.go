// Routes sends events to several topics: what is in development to one, commerce
// events to another, and the rest to a third. A batch with events for two topics
// becomes a message in each, with the same members and the same key.
//
//	go run ./examples/routes
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// routes are tried in this order: the first that takes an event gets it.
func routes() []forwarder.Route {
	return []forwarder.Route{
		{Topic: "development", Environment: "development"},
		{Topic: "commerce", Types: []string{batch.CommerceEvent}},
		{Topic: "events"},
	}
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "routes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	var topics []forwardertest.KafkaOption
	for _, r := range routes() {
		topics = append(topics, forwardertest.WithTopic(r.Topic, 1))
	}
	kafka, err := forwardertest.StartKafka(topics...)
	if err != nil {
		return err
	}
	defer kafka.Close()

	s := kafka.Settings()
	s.TopicName = "" // the routes name the topics
	f, err := forwarder.NewRoutes(ctx, s, routes())
	if err != nil {
		return err
	}
	defer f.Close()

	for _, data := range []string{
		`{"mpid":1,"environment":"production","events":[{"event_type":"screen_view"},{"event_type":"commerce_event"},{"event_type":"session_end"}]}`,
		`{"mpid":2,"environment":"development","events":[{"event_type":"commerce_event"}]}`,
	} {
		b, err := batch.Parse([]byte(data))
		if err != nil {
			return err
		}
		if err := f.Forward(ctx, b); err != nil { // nil: all topics have acknowledged it
			return err
		}
	}
	return show(ctx, out, kafka)
}

// show prints what is in each topic.
func show(ctx context.Context, out io.Writer, kafka *forwardertest.Kafka) error {
	for _, r := range routes() {
		s := kafka.Settings()
		s.TopicName = r.Topic
		messages, err := forwardertest.Read(ctx, s)
		if err != nil {
			return err
		}
		for _, m := range messages {
			fmt.Fprintf(out, "%s, key %s: %s\n", r.Topic, m.Key, m.Value)
		}
	}
	return nil
}
