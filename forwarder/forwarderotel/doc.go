// Package forwarderotel tells OpenTelemetry what a forwarder does: metrics, and a
// span for each batch whose trace continues with the reader of its messages.
//
//	telemetry, err := forwarderotel.New(forwarderotel.Options{})
//	if err != nil {
//		return err
//	}
//	f, err := forwarder.New(ctx, s, telemetry...)
//
// The zero Options use the providers that the program has registered with OpenTelemetry.
// A program that has registered none gets no metrics and no spans.
//
// It is a module of its own, so that the library requires no OpenTelemetry.
//
// # Metrics
//
// Two are of OpenTelemetry's conventions for messaging. The schema URL is that of their
// version 1.43, the newest that go.opentelemetry.io/otel 1.47 has a package for; 1.44
// has the same names. The attributes are messaging.system, messaging.operation.name,
// messaging.destination.name, messaging.destination.partition.id and error.type:
//
//	messaging.client.sent.messages        messages, when their caller is told; those that are
//	                                      only stored by then, when they have ended
//	messaging.client.operation.duration   seconds from the call of Forward to its end
//
// The others are eventferry's own:
//
//	eventferry.events                 events of batches, by outcome (acknowledged, stored, not_sent, unknown, dropped)
//	                                  as the caller was told; with error.type, or filter and reason.
//	                                  With a spool those that it keeps are stored, also when they are in
//	                                  Kafka later: messaging.client.sent.messages tells what was delivered
//	eventferry.events.late            events of unknown outcome, by the outcome that was learnt later; not with a
//	                                  spool, which does not know how many events a message has
//	eventferry.buffer.usage           bytes that undecided batches take
//	eventferry.buffer.limit           bytes: delivery.max_buffered_bytes, or half of it with a spool
//	eventferry.buffer.waiters         calls that wait for room
//	eventferry.messages.undecided     messages that were accepted and are not decided
//	eventferry.partitions.waiting     partitions whose delivery makes no progress, by error.type
//	eventferry.partition.wait.duration seconds that such waits lasted, when they ended
//	eventferry.spool.usage            bytes that stored messages take on the disk, by whole segments
//	eventferry.spool.limit            bytes: spool.max_bytes
//	eventferry.spool.messages         messages in the spool that are to be sent
//	eventferry.spool.oldest.age       seconds since the first of them was stored
//	eventferry.spool.refused          messages in the spool that brokers have refused
//	eventferry.spool.damaged          places in the spool that were found damaged since it was opened
//	eventferry.spool.accepts          1 while the spool takes batches; 0: it has no room, or is closed
//	eventferry.spool.disk.free        bytes that may still be written to its disk; on Linux only
//	eventferry.spool.syncs            syncs of the disk that stored batches have waited for
//	eventferry.spool.syncing          seconds that these syncs took
//	eventferry.spool.written          bytes of stored batches that these made durable
//	eventferry.spool.windows.open     windows that gather the stored batches of a device
//	eventferry.spool.windows.length   seconds that a batch may wait in one; 0: there are none
//	eventferry.spool.windows.closed_early  windows closed before their time because there were too many
//	eventferry.broker.requests        produce requests, by broker
//	eventferry.broker.retries         attempts that left a record batch neither written nor refused
//	eventferry.broker.throttled       seconds that brokers asked for because of a quota
//	eventferry.broker.connections     connections opened to send messages
//	eventferry.broker.renewals.refused  newer connections that were refused, so that the old ones stayed in use
//	eventferry.client.certificate.expiry  when the client's certificate ends, in seconds since the epoch of Unix
//	eventferry.broker.uncompressed    bytes of the messages in requests
//	eventferry.broker.io              bytes of those requests, compressed, before TLS
//	eventferry.compression.ratio      the former divided by the latter, since the start
//
// Those of a receiver are there after [ObserveReceiver]:
//
//	eventferry.receiver.posts         requests that doors answered, by door, feed and code
//	eventferry.receiver.refused       what can never be forwarded, by door, feed and outcome (quarantined, failed, discarded)
//	eventferry.receiver.certificate.expiry  when the certificate of the doors ends, in seconds since the epoch of Unix
//
// Those of brokers, and the ratio, are missing with [forwarder.WithSaramaProducer],
// and those of the spool without one.
// An error.type is the name of Kafka's error, such as NOT_ENOUGH_REPLICAS, or KAFKA_ and
// its number where a producer does not usually meet it, or one of timeout, canceled, closed,
// filter, headers, too_large, spool_full, network and _OTHER. No attribute
// holds anything of a batch: not its user id, which is the key of its messages, and
// no text of an error. All have few values, so they can be labels.
//
// # A page for Prometheus
//
// OpenTelemetry's exporter collects the metrics when Prometheus reads a page:
//
//	registry := client.NewRegistry() // client is github.com/prometheus/client_golang/prometheus
//	exporter, err := prometheus.New(prometheus.WithRegisterer(registry)) // go.opentelemetry.io/otel/exporters/prometheus
//	if err != nil {
//		return err
//	}
//	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)) // go.opentelemetry.io/otel/sdk/metric
//	telemetry, err := forwarderotel.New(forwarderotel.Options{MeterProvider: provider})
//	if err != nil {
//		return err
//	}
//	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{})) // .../client_golang/prometheus/promhttp
//
// dashboard.json is a board for Grafana, and alerts.yaml has rules for Prometheus,
// both with the names that OpenTelemetry's exporter for Prometheus gives.
//
// # Traces
//
// Each call has one span, "send" with the name of the topic, of kind producer, from
// the call to its end. The propagator writes its context into the headers of each of
// its messages, so that a reader can link to it. With the usual propagator of W3C
// that is the header traceparent, of 55 bytes.
//
// # Cost
//
// For a batch of 9 KB metrics add about 1 µs of processor time, 2 to 4 %, to the 35 µs
// of Forward, and one allocation: the list of messages that every observer gets. A
// histogram takes each call, and counters get their sums when metrics are collected. A
// TracerProvider of package trace/noop costs nothing.
//
// Tracing costs more. A tracer with spans that are not sampled, and the header of
// the trace, add 8 allocations and 6 to 11 % of processor time, and sampled spans 11
// allocations and 12 to 15 %, without what an exporter does. BenchmarkForward of
// internal/suite measures it.
package forwarderotel
