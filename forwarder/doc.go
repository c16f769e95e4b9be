// Package forwarder forwards mParticle event batches to a Kafka topic, or to
// several.
//
// # Sending
//
//	f, err := forwarder.New(ctx, settings.Settings{
//		BootstrapServers:     "b1:9093,b2:9093",
//		TopicName:            "events",
//		AuthenticationMethod: settings.SCRAMSHA512,
//		UserName:             "mparticle",
//		Password:             settings.NewSecret(os.Getenv("KAFKA_PASSWORD")),
//	})
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//
//	b, err := batch.Parse(data)
//	if err != nil {
//		return err
//	}
//	return f.Forward(ctx, b) // nil: Kafka has acknowledged it
//
// One [Forwarder] serves a whole program, from any number of goroutines.
// [Forwarder.Forward] waits for the outcome of a batch, [Forwarder.ForwardAll]
// for the outcomes of several, and [Forwarder.ForwardAsync] calls a function
// with it.
//
// Forward works on a copy of the batch, which is cheap, on the goroutine that
// called it:
//
//  1. It drops events whose type is not forwarded or is switched off.
//  2. The filters of the settings run, then the caller's, in order. Then it
//     checks the types of events again, since a filter may have changed them.
//  3. It removes the members that the settings remove, and sets unique_id. A
//     crash report's breadcrumbs lose their locations, too, where a filter has
//     given the event another type, and where they are not the list of objects that
//     mParticle writes. Objects and lists more than 8 levels down in such
//     breadcrumbs are removed.
//  4. It drops a batch without events if the settings say so.
//  5. The rest becomes one message, or one for each event. Its key is the user
//     id in decimal; a batch without a user id has no key.
//  6. A message over delivery.max_message_bytes is split between events, in
//     order; each part is filled before the next one begins. Each part
//     repeats everything but the events and has a header,
//     "eventferry-part: 2/3". Messages have no other headers but those that
//     [WithHeaders] adds.
//  7. The batch is accepted: all its messages together enter the queue of their
//     partition, a random one if there is no user id.
//
// # What nil means
//
// Nil means that all in-sync replicas have acknowledged every message of the
// batch, or that a filter or a setting dropped it; the observer reports which.
// The nil slice of ForwardAll means the same for each of its batches. The nil of
// [Forwarder.Store] means less: see "Across a crash".
//
// # Settings and options
//
// Settings are plain data, from Go, JSON or the environment: package settings
// describes each. Options are behaviour: filters ([WithFilter],
// [WithFilterFunc]), headers ([WithHeaders]), observation ([WithObserver],
// [WithLogger]), credentials ([WithCredentials], [WithAuthenticator]), the network
// ([WithTLS], [WithDialer]), the hash that places users ([WithPartitioner]), a start
// while Kafka is down ([WithoutProbe]), a durable queue on disk ([WithSpool]), and
// Sarama's stock producer ([WithSaramaProducer], which lists its limits). Package
// auth/oauth, a module of its own, has an authenticator for OAUTHBEARER.
//
// Every connection is TLS 1.2 or newer with the host name verified. There is no
// switch for plaintext and none to skip verification. SASL runs only inside a
// verified connection.
//
// [New] returns once a broker has accepted the credentials and shown the topic,
// and every broker that leads a partition of it has been reached.
// [Forwarder.Ping] does the same again. It is a check of the set-up for operators
// and start-up; one broker of three that is away fails it, although most
// batches still pass. Readiness is below.
//
// # Rotating credentials
//
// Each new connection reads password_file, tls.ca_file, tls.cert_file and
// tls.key_file again, so that a secret can be replaced while the program runs:
// written over, renamed, or by the links of a folder that Kubernetes mounts. The log
// says so once. While a file is half written or cannot be read, or the certificate
// does not fit the key, new connections go on with what was read before, and the log
// says that once for each reason. A file that is no regular one, such as a pipe, is
// read once.
//
// Open connections stay as they are. With the setting delivery.max_connection_age
// each that is used is replaced by a newer one in that time. The newer one is opened
// first and takes over between two requests, so that nothing is sent again; while it
// is refused, the old one stays, and the log says so, one line per cause and 30
// seconds. That shows a mistake while messages still pass. The connection for
// metadata follows within five minutes.
//
// The order matters. A broker must trust the authority of the new certificate before
// the file has the certificate. For a new authority of the brokers' certificates first
// put both into tls.ca_file; nothing that the file does not hold is ever trusted.
//
// Apache Kafka keeps one SCRAM password for each user and mechanism. Change it in the
// brokers, and write the file at once: open connections stay, new ones are refused and
// tried again until the file has the new password, and nothing is lost meanwhile. The
// same holds for PLAIN, whose passwords brokers read when they start.
//
// A password in the settings, and what [WithTLS] got, stay as they are; a function
// given to [WithCredentials] is asked at each connection. With [WithSaramaProducer]
// no connection is renewed, and with PLAIN each uses the password that the file held
// when the forwarder was built.
//
// # Filters
//
// A filter edits the batch, drops some of its events, or drops it whole:
//
//	func onlyProduction(_ context.Context, b *batch.Batch) error {
//		if env, _ := b.At("environment").Text(); env != "production" {
//			return batch.Drop("not production")
//		}
//		b.DropEvents("heartbeat", func(e batch.Event) bool { return e.Name() == "heartbeat" })
//		return b.At("user_attributes", "email").Remove()
//	}
//
//	f, err := forwarder.New(ctx, s, forwarder.WithFilterFunc("only production", onlyProduction))
//
// A filter may use data that must not leave, and cannot put back what a setting
// removes. It must be safe for concurrent use. Its error, or its panic, fails
// that call only, with a [*FilterError], and nothing of the batch is sent.
//
// That counts as a failure which may pass, so [Permanent] is false. Some do not: Set
// fails each time for a batch with text where an object should be. Return such an error
// by [batch.MarkPermanent], or drop the batch with a reason:
//
//	return batch.MarkPermanent(b.At("user_attributes", "origin").Set("web"))
//
// Package filters has ready-made ones that know mParticle's shapes: environment,
// consent, data plan, sample, attribute rules, pseudonyms and removal. The setting
// "filters" names them in JSON. They run before the caller's, and one that cannot
// be built is an error of New.
//
// [Explain] says what every filter and switch would do with a batch, event by event,
// without a connection, and [DryRun] counts that over many.
//
// # Routes
//
// [NewRoutes] makes a Forwarder to several topics, of a list that is checked and
// probed at the start. Each event goes to the topic of the first [Route] that takes
// it, by its type and by the environment of its batch:
//
//	f, err := forwarder.NewRoutes(ctx, s, []forwarder.Route{
//		{Topic: "events-dev", Environment: "development"},
//		{Topic: "commerce", Types: []string{batch.CommerceEvent}},
//		{Topic: "events"},
//	})
//
// A batch with events for two topics becomes a message in each, with the same members
// and the same key. Forward returns nil when both are acknowledged. Failures, waits and
// messages name their topic. Order holds per user and topic.
//
// # Receiving over HTTP
//
// Package receiver has handlers that clients of mParticle post to unchanged: its
// webhook output, whose batches are forwarded byte for byte, and its server SDKs,
// whose batches become what mParticle would send on. 2xx means that a batch is kept,
// and nothing that may work later is answered with a status that makes its sender
// drop it:
//
//	r, err := receiver.New(f, feeds)
//	...
//	mux.Handle("/webhook", r.Webhook())
//	mux.Handle("/v2/", r.ServerAPI())
//
// # Errors and what to do
//
// Four questions decide: is there still something to wait for, is the batch in the
// spool, if there is one, can sending it again ever help, and can that duplicate it? In
// a few lines, where later is a context that gives delivery more time than ctx did:
//
//	err := f.Forward(ctx, b)
//	if d, ok := errors.AsType[*forwarder.DeliveryError](err); ok {
//		err = d.Wait(later) // for what is unknown; it sends nothing
//	}
//	switch {
//	case err == nil: // acknowledged, or dropped by a filter or a setting
//		return nil
//	case forwarder.Kept(err): // in the spool, if there is one: it is on its way
//		return nil
//	case forwarder.Permanent(err): // it can never succeed
//		return deadLetter(b, err)
//	case errors.As(err, new(*forwarder.FilterError)), errors.As(err, new(*forwarder.HeaderError)):
//		return requeueOrDeadLetter(b, err) // nothing was sent, but it may fail each time: count
//	case forwarder.NothingSent(err): // sending it again cannot duplicate it
//		return requeue(b)
//	default: // it may be in Kafka: sending it again may duplicate it
//		return requeueOrReport(b, err)
//	}
//
// The error is a [*DeliveryError], which says of each message whether it is
// [Acknowledged], [NotSent] (not in Kafka, and can no longer get there), [Unknown]
// or, with a spool, [Stored]. All that is not certain is unknown. Or it is a [*FilterError], a
// [*HeaderError], a [*TooLargeError] for an event that does not fit alone,
// [ErrClosed], or a [*batch.Error] for a nil or zero Batch; with these nothing was
// sent.
//
// The end of a context ends the wait, whatever the brokers do. Messages that are
// in no request by then, and were in none that may have been written, are
// withdrawn. The rest keeps its place and goes on being delivered.
//
// A broker's refusal names the broker or topic, and what to do; REFUSALS.md
// beside this file lists the texts. Retries do not give up: delivery goes on
// until the message is acknowledged, refused for its own sake, or the forwarder
// closed. The error of a deadline wraps what delivery waits for.
//
// # Order and duplicates
//
// One user's batches are written to one partition in the order in which they
// were accepted, without loss or duplicates, through retries, leader changes,
// broker restarts and network faults, while the process lives and the topic and
// its number of partitions stand. If call A was accepted before call B began, A
// comes first; concurrent calls for one user have no defined order. One
// goroutine that calls ForwardAsync again and again pipelines in order.
//
// Forwarding a batch again is a new batch: nothing joins it with the first.
// [DeliveryError.Remaining] is the batch without the events that may have been sent.
//
// # Across a crash
//
// With a spool, a folder on a local disk ([WithSpool], or the setting spool.dir),
// a batch is stored before it is sent. [Forwarder.Store] returns nil when it is
// synced. From then on it will be in Kafka once, and in the user's order, also when
// this process is killed, brokers fail or the power is cut. [Forwarder.StoreAll]
// stores a slice with one sync, [Forwarder.StoreAsync] pipelines. All take a
// [spool.Tag], by which a caller finds out after a crash what is stored. Forward,
// ForwardAll and ForwardAsync store, and then wait for Kafka. When the context
// ends meanwhile the outcome is [Stored], and [Kept] is true: the batch must not be
// sent again. A full spool makes calls wait for room until the context ends; then
// the error wraps [spool.ErrFull], and the batch is not sent. With [NewRoutes] one
// spool serves all topics, and has all messages of a batch or none.
//
// What is left at the end of a process goes out after the next start, before
// anything newer. [Observer].Settled tells the end of stored batches by their
// SpoolID, in a later process, too. Messages that brokers refuse for their own sake
// are kept, and [spool.Spool.Refused] lists them; examples/gateway has a command for that.
//
// With [WithWindow], or the setting spool.window, the batches of one device wait on the
// disk, for ten minutes for instance, and their events leave as one batch.
//
// SPOOL.md beside this file says what it costs, how large the disk must be, and
// where "once" ends.
//
// # Shutting down
//
// [Forwarder.Shutdown] refuses new batches and waits for those that were
// accepted. [Forwarder.Close] aborts, and `defer f.Close()` is always right.
// With a spool, what they leave stays on the disk for the next start.
// Both wait for the filters, observers and done functions that run.
//
// # Observing
//
// An [Observer] gets the outcome of every batch, with all drops and their reasons
// (Done), late outcomes (Settled), why delivery waits (Waiting), the end of each wait
// (Resumed), and what of a spool may be in Kafka already (Doubted). It may give each
// batch a context of its own (Begun), which filters, functions for headers, Done and
// Settled get: a span, for instance. It is told when the forwarder can be used, with
// its topics and the function for its numbers (Opened), and when nothing of it runs
// any more (Closed). Several observers add up. The
// causes of waits are logged as well, one line per cause and 30 seconds. Also logged,
// once each, are the first event of each type that is not forwarded, by its
// position, and the first object that has no member of mParticle's format at all.
// Observers and logs get no payload and no credential; only Begun gets the batch.
//
// [Forwarder.Stats] returns numbers for a scrape: the buffer and who waits for it,
// what became of messages and batches, what lies in the spool and for how long, the
// partitions that wait and why, and what was sent to each broker. It takes a few
// microseconds. Package forwarderotel, a module of its own, tells all of this to
// OpenTelemetry, and has a dashboard for Grafana and alerts for Prometheus.
//
// # Readiness
//
// Use [Forwarder.Ready] for readiness probes: it is nil while batches are accepted,
// and asks no broker. That Kafka is away, wholly or in part, is no reason to take an
// instance out of service: it takes batches into its buffer, delivers those for the
// brokers that are there, and no other instance could do better. Only when the
// buffer is full and calls wait for room is there nothing to gain by more traffic.
// With a spool it is nil until that has no room for a batch.
//
// Use [Forwarder.Ping] after a change of credentials, rights, listeners or firewalls,
// and in an alarm if you like. As readiness it would take all instances out of service
// because of one broker. Liveness needs neither: no restart mends Kafka, and it loses
// what the buffer holds.
//
// # When it does not work
//
// [Diagnose] looks at every step between settings and topic, needs no working
// forwarder, and writes nothing to Kafka: names, connections, certificates and when they
// end, authentication, every broker that the cluster advertises, the topic, the
// user's rights, and a topic configuration at odds with the settings. Each check of
// its [Report] says what was found and what to do:
//
//	report := forwarder.Diagnose(ctx, s, opts...)
//	fmt.Print(report)
//	os.Exit(int(report.Status())) // 0: nothing to do
//
// examples/doctor is a program that prints it. [settings.Unknown] finds environment
// variables that are misspelt, which [settings.Settings.SetFromEnv] ignores.
//
// # Testing your code
//
// Package forwardertest is a Kafka inside a test, with TLS, SASL and faults, and
// with assertions about the messages that arrived; its package apachekafka starts
// Apache Kafka.
//
// # Limits
//
// Without a spool nothing is kept on disk. A batch that was unknown when a process
// was killed may be in Kafka, and may arrive behind the batches of the next process.
// So may one that became unknown because brokers had lost the producer's id: it may
// arrive behind later ones.
//
// No right to READ the topic is needed. Where the user has it, fewer messages become
// unknown: when brokers no longer recognise what may have been written
// (OUT_OF_ORDER_SEQUENCE_NUMBER), the forwarder looks for it in the partition's log,
// for about ten seconds and in 16 MiB at most, and acknowledges what is there. It needs
// Kafka 2.8.
//
// New partitions, which are noticed within five minutes, move users: order
// across the move holds for batches that are forwarded after the earlier ones
// were acknowledged.
//
// A broker forgets a producer that has written nothing for a day
// (producer.id.expiration.ms). If an attempt that may have been written is tried
// again only after that, it is written twice.
//
// A broker sees at least three connections: for messages, for metadata (one for each
// topic), and, at first, for producer ids (up to eight of these, for ten seconds). A
// listener that allows fewer (max.connections) keeps delivery waiting.
//
// Batches that are accepted and undecided never take more memory than
// delivery.max_buffered_bytes: their text and what Parse noted about it, the
// filtered copy, the messages and the records about them. A full buffer makes
// calls wait, in the order in which they came; a batch that alone takes more has
// the buffer for itself. With a spool the buffer has three parts: a quarter for
// batches until they are stored, a quarter for stored ones whose ForwardAsync waits for
// Kafka, and half for messages that are being sent. Beside it there are, for each broker,
// two requests in flight in up to three copies: each has up to 2 MiB before compression and
// no more than twice delivery.max_request_bytes, or one message that is larger. The memory of messages is used again once
// all of a batch is acknowledged.
package forwarder
