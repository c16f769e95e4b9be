// Package receiver takes batches over HTTP, from clients of mParticle that need no
// change, and gives them to a forwarder. A door is an [http.Handler]:
//
//   - [Receiver.Webhook] takes mParticle's webhook output, whose batches are in the
//     format that is forwarded: not a byte of them changes.
//   - [Receiver.ServerAPI] takes the Events API, to which mParticle's server SDKs
//     post, for Go, Node, Python, Ruby, Java and .NET.
//
// In a program:
//
//	f, err := forwarder.New(ctx, s)
//	...
//	feeds, err := receiver.StaticFeeds(
//		receiver.Feed{Name: "webhook", Secrets: []settings.Secret{hookSecret}},
//		receiver.Feed{Name: "shop", APIKey: "us1-1234", Secrets: []settings.Secret{shopSecret}},
//	)
//	...
//	r, err := receiver.New(f, feeds)
//	...
//	server, err := r.Server(":8443", tlsConfig)
//	...
//	err = server.ListenAndServeTLS("", "")
//
// examples/receiver is a whole service.
//
// # What an answer means
//
// 2xx means kept: with a spool the batch is on this disk and will be in Kafka, and
// without one Kafka has acknowledged it, or a filter or a setting has dropped it. So
// with a spool clients learn of Kafka's absence only when the spool is full: then the
// answer is 503. No answer makes a client drop what could work later, a wrong credential excepted: such
// requests are answered 503, or 429 where that brakes the client. What can never work
// goes to the function of [WithQuarantine] before it is refused; a filter's error counts
// as such if it is marked by [batch.MarkPermanent]. Each door's
// documentation lists its answers. A refusal is JSON, as the Events API has it:
//
//	{"errors":[{"code":"BAD_REQUEST","message":"batch: [3]: mpid: not a 64-bit integer at byte 1702"}]}
//
// It names the batch, the member and the byte offset, and holds nothing of what was
// posted. Neither do logs.
//
// None of mParticle's server SDKs keeps or repeats a batch that was not taken: their
// callers get an error. mParticle repeats a webhook a limited number of times.
//
// # Repetitions
//
// A client that got no answer posts again what may have been kept. The webhook takes
// the same message_id and body once within an hour, and the Events API the same
// source_request_id. While the first of them is under way the others wait for its
// outcome; that goes for one whose answer was 503 and whose messages may still get
// into Kafka, too. Limits.Remembered bounds how many are remembered.
//
// With a spool the ids are stored with their batches. So a batch is recognised also if
// the process died between storing it and the answer. spool.Options.Remembered bounds
// these ids as well. Without a spool, and in another process with another one, a
// repetition after a restart is another batch. Its batch_id, message_id and event_ids
// are derived from the source_request_id, so that consumers can recognise it. After a
// bulk request of which only some batches were kept, those without an id are
// recognised by this process only.
//
// When brokers have lost the producer's numbering, Kafka cannot tell whether it has a
// batch. The answer is 503 then; if the batch is there and its sender repeats it, it is
// in Kafka twice. With a spool, spool.Options.OnDoubt decides instead.
//
// # What the Events API's batches become
//
// mParticle converts batches on their way in, and so does [Receiver.ServerAPI]. All
// members that are not listed stay, byte for byte.
//
//	user_identities              a list of {identity_type, identity, timestamp_unixtime_ms}, with the
//	                             time of receipt; customerid becomes customer_id
//	mpid                         a number; null, "" and 0 are removed
//	environment                  in lower case; "production" where there is none
//	event_type, other constants  in the form of mParticle's schema: the Java SDK writes CUSTOM_EVENT,
//	                             PURCHASE, INITIALIZED
//	batch_id, message_id         stay, or are derived from source_request_id, or else are random
//	event_id                     stays, or is derived from batch_id and the event's position
//	timestamp_unixtime_ms        of the batch: the time of receipt; of an event: stays, or is that
//	event_start_unixtime_ms      stays, or is the event's timestamp
//	session_id                   stays; 0 is removed; derived from session_uuid. mParticle's way to
//	                             derive it is not known: its ids differ
//	session_start_unixtime_ms    stays, or is the timestamp of the batch's session_start
//	integers of 64 bits          are put in quotes: the ids and times above, and added_to_cart_time_ms
//	message_type, schema_version are added: "events", 2
//	source_info                  says server_to_server
//	api_key, api_keys            are removed: they are credentials
//	null, {} and []              are removed from the batch, device_info, application_info, data and
//	                             products, where the Java SDK writes them for what is not set; not
//	                             from attributes, and not the old and new value of a change
//
// mParticle also adds profiles and locations, which a receiver does not have. Names
// longer than mParticle's limits are not cut. [WithInboundFormat] leaves all but the
// user id, the environment, event types and credentials.
//
// # Watching
//
// [Receiver.Stats] counts posts by what they were answered, and what went to quarantine;
// forwarderotel has metrics of it. [WithObserver] has a function called for each batch.
//
// # Order
//
// Batches of one request are accepted in their order. Two requests that overlap have
// no order, so a client that needs one waits for each answer.
//
// # Cost
//
// A server answers 0.66 times as many webhook posts of 9 KB as posts that a handler
// reads and discards, by processor time, client, filters and encoding included: 10,700
// against 16,300 in a second of one processor of a server of 2026. The least that keeps
// what it promises, to read, hash, parse and forward, reaches 0.69. It allocates 12
// things more for each.
//
//	go test -run '^$' -bench Webhook ./forwarder
//
// # Safety
//
// A request must come over TLS, or from a proxy that [WithTrustedProxies] names.
// Credentials are compared by their digests, in constant time, before a body is read.
// Bodies, their number, time and memory are bounded: [Limits], [WithDeadline],
// [Receiver.Server]. Credentials are in no log, no error and no observer.
package receiver
