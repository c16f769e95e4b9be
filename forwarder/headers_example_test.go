package forwarder_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// A trace context of W3C (https://www.w3.org/TR/trace-context/), from the context of
// the call. Where OpenTelemetry is used its propagator writes this header.
func ExampleWithHeaders_traceparent() {
	type traceKey struct{}
	traceparent := forwarder.WithHeaders(func(ctx context.Context, _ *batch.Batch) []forwarder.Header {
		trace, ok := ctx.Value(traceKey{}).(string)
		if !ok {
			return nil
		}
		return []forwarder.Header{{Key: "traceparent", Value: []byte(trace)}}
	})

	ctx := context.WithValue(context.Background(), traceKey{}, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	fmt.Println(headersOf(ctx, traceparent))
	// Output:
	// traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
}

// The binary mode of CloudEvents' Kafka binding: the attributes are headers, and the
// value stays as it is
// (https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md).
// Each id stands for one event, so leave send_as_batch on and keep batches below
// delivery.max_message_bytes: the messages of one batch would share it.
func ExampleWithHeaders_cloudEvents() {
	cloudEvents := forwarder.WithHeaders(func(_ context.Context, b *batch.Batch) []forwarder.Header {
		id, ok := b.At("source_request_id").Text()
		if !ok {
			return nil // not a CloudEvent: they need an id
		}
		return []forwarder.Header{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: []byte(id)},
			{Key: "ce_source", Value: []byte("https://shop.example.com/mparticle")},
			{Key: "ce_type", Value: []byte("com.mparticle.batch")},
			{Key: "content-type", Value: []byte("application/json")},
		}
	})

	fmt.Println(headersOf(context.Background(), cloudEvents))
	// Output:
	// ce_specversion: 1.0
	// ce_id: 5f1bd8f3
	// ce_source: https://shop.example.com/mparticle
	// ce_type: com.mparticle.batch
	// content-type: application/json
}

// The id of a JSON schema in Confluent's schema registry, which their deserializers
// look for in this header: a byte 1, then the schema's GUID.
func ExampleWithHeaders_schemaID() {
	guid, err := hex.DecodeString(strings.ReplaceAll("89791762-2336-4186-9674-299b90a802e2", "-", ""))
	if err != nil {
		panic(err)
	}
	id := append([]byte{1}, guid...)
	schemaID := forwarder.WithHeaders(func(context.Context, *batch.Batch) []forwarder.Header {
		return []forwarder.Header{{Key: "__value_schema_id", Value: id}}
	})

	explanation, err := forwarder.Explain(context.Background(), nowhere, parse(`{"mpid":7}`), schemaID)
	fmt.Println(explanation, err)
	// Output:
	// batch(0 events, 10 bytes)
	//   key 7
	//   message 1 of 1: no events, 10 bytes, counts as 183
	//   header __value_schema_id, 17 bytes
	//  <nil>
}

// nowhere is enough for [forwarder.Explain], which makes no connection.
var nowhere = settings.Settings{BootstrapServers: "127.0.0.1:1", TopicName: "events"}

// headersOf lists the headers that a batch would have.
func headersOf(ctx context.Context, option forwarder.Option) string {
	b := parse(`{"mpid":7,"source_request_id":"5f1bd8f3","events":[{"event_type":"screen_view"}]}`)
	explanation, err := forwarder.Explain(ctx, nowhere, b, option, forwarder.WithValues())
	if err != nil {
		panic(err)
	}
	var lines []string
	for _, h := range explanation.Messages[0].Headers {
		lines = append(lines, h.Key+": "+h.Value)
	}
	return strings.Join(lines, "\n")
}
