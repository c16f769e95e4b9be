// Package forwarder carries mParticle event batches into a Kafka topic.
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
// # Guarantees
//
// [Forwarder.Forward] returns nil only when every message of the batch is
// acknowledged by all in-sync replicas, or when a filter or a setting dropped
// it.
//
// One user's batches are written to one partition in the order in which they
// were accepted, without loss or duplicates, through retries, leader changes,
// broker restarts and network faults, while the process lives and the topic and
// its number of partitions stand. If call A was accepted before call B began, A
// comes first; concurrent calls for one user have no defined order. New
// partitions, which are noticed within five minutes, move users: order across
// the move holds for batches that are forwarded after the earlier ones were
// acknowledged.
//
// Of each message it is known whether it is [Acknowledged], [NotSent] (not in
// Kafka, and can no longer get there) or [Unknown]. What is not certain is
// unknown.
//
// The end of a context ends the wait, whatever the brokers do. What is in no
// request by then, and was in none that may have been written, is withdrawn. The
// rest keeps its place and goes on being delivered.
//
// Retries do not give up: delivery goes on until the message is acknowledged,
// refused, or the forwarder closed. What it waits for is told to the observer
// and the log, and wrapped by the error of a deadline.
//
// The messages that are accepted and undecided never take more than
// delivery.max_buffered_bytes, counted as in [TooLargeError]. Beside them, the
// batches they come from stay in memory. The memory of values is up to a quarter
// larger than they are; once all of a batch is acknowledged it is used for
// others, or left to the garbage collector. A full buffer makes calls wait, in
// the order in which they came.
//
// # How messages get to Kafka
//
// An engine of our own delivers, on Sarama's connections. Each broker that leads
// partitions has one connection, one goroutine and at most two requests under
// way. Messages gather while a request is; what has gathered for a partition
// goes as one record batch, and of a partition there is never more than one
// under way: that keeps the order through whatever is refused or lost.
//
//   - Retries have no count: what a broker refuses for want of a leader, of
//     replicas or of rights is tried again, after at most a second. The user's
//     next messages wait behind; other partitions do not notice.
//   - A message that a broker refuses for its own sake fails alone. Those that
//     were gathered with it are sent again without it.
//   - Each partition has its own producer id, epoch and sequence numbers. When a
//     broker has lost count, a new epoch begins; but if an attempt may have been
//     written, its messages are unknown rather than written twice.
//   - What is not in a request under way is taken back when a context ends, also
//     if a broker has refused it before. A connection that is lost, or a leader
//     that changes, while a request is under way leaves open whether it was
//     written: what was in it is unknown until it has been sent again.
//   - A broker that has not answered, or not let itself be connected to, for two
//     seconds is looked after: as soon as another one leads the partition, that
//     one gets the messages. Otherwise it is given up after 30 seconds.
//   - A connection to a leader that nothing was sent on for three minutes is
//     closed, before brokers and load balancers do that. The first retry on a new
//     one is immediate. Beside those there is one connection that asks where
//     partitions are, and for ten seconds up to eight that ask for producer ids.
//   - Messages without a user id stay together: one partition, chosen at random
//     among those that are well, gets them until a record batch of it is sealed
//     (KIP-480, KIP-794).
//   - Beside delivery.max_buffered_bytes, the messages in requests under way are
//     in memory up to three more times, encoded, compressed and as a request:
//     some 4 MB of each broker before compression, or two messages if those are
//     larger. What may have been written and waits to be sent again is kept
//     compressed, 512 KiB of each partition at most before compression, or one
//     message.
//
// Two limits are Kafka's own. A broker forgets a producer that has written
// nothing for a day (producer.id.expiration.ms): if an attempt that may have been
// written is tried again only after that, it is written twice. And what was
// unknown when a process was killed can arrive behind what the next one sends.
//
// # Limits of Sarama's producer
//
// [WithSaramaProducer] delivers with Sarama's AsyncProducer instead. It keeps
// the guarantees above but for these:
//
//   - It counts its retries. A broker that answers but refuses, as when too few
//     replicas are in sync, is retried 4,500 times, which takes more than six
//     hours; then the message comes back as unknown. While no broker answers or
//     a partition has no leader nothing is counted, and there is no bound. Each
//     of those retries costs 32 bytes for each partition in use, taken at its
//     first message.
//   - It does not retry what an ACL refuses: that comes back at once, unknown
//     and not permanent. Until the topic has been seen, delivery waits instead.
//   - It does not tell attempts apart. So whatever a broker refuses is unknown,
//     also a first attempt that was refused for its own sake.
//   - What it has cannot be taken back: of each partition up to 1,024 messages
//     and delivery.max_message_bytes, or one message. They are unknown when a
//     context ends, or Close comes, although most may never have been sent.
//   - Brokers refuse record batches, not messages. Those that were gathered with
//     one that is refused fail with it, and [Permanent] is wrong about them.
//     Keep delivery.max_message_bytes at or below the topic's
//     max.message.bytes: record batches grow to it, so that otherwise small
//     messages fail, too, when many have gathered while a broker was down.
//   - After a failure it begins a new epoch for all partitions, which Kafka
//     keeps apart for each. An emulation that does not may refuse others'
//     batches then; they are unknown.
//   - A broker that says nothing is given up after 30 seconds, by which its
//     partitions may be late. Other partitions go on, unless they need to learn
//     of a new leader meanwhile.
//   - PLAIN asks [WithCredentials] for a password when the producer is built, not
//     at each connection.
//   - Messages without a user id get a partition for each batch.
//
// Worked round, and so no limits: the circuit breaker that fails messages for
// ten seconds after three failed searches for a leader; searches that grow the
// stack; bootstrap servers and brokers that accept connections and say nothing,
// each of which would keep delivery from beginning for its time-out; pauses
// that Close could not end; a partition without a leader that holds up all
// others; sequence numbers that turn negative after 2^31 messages of a
// partition, and epochs that run out after 2^15 failures, for both of which a
// new producer takes over in time.
//
// # The end
//
// [Forwarder.Close] takes as long as closing the connections, and as the filters,
// observers and done functions that run still take. If a broker has
// throttled one request while the next one was about to be written, Sarama waits
// that time out first. Nothing of the forwarder runs when it returns, save
// Sarama's goroutines that see their connections closed, a caller's function
// for credentials or dialling that has not returned, a [Forwarder.Ping], and
// calls that began afterwards, which are refused.
//
// # What to do with an error
//
// Three questions decide: can sending again ever help, can it duplicate, and is
// there still something to wait for? In twelve lines, where later is a context
// that gives delivery more time than ctx did:
//
//	err := f.Forward(ctx, b)
//	if d, ok := errors.AsType[*forwarder.DeliveryError](err); ok {
//		err = d.Wait(later) // for what is unknown; it sends nothing
//	}
//	switch {
//	case err == nil: // acknowledged, or dropped by a filter or a setting
//		return nil
//	case forwarder.Permanent(err): // it can never succeed
//		return deadLetter(b, err)
//	case forwarder.NothingSent(err): // sending it again cannot duplicate it
//		return requeue(b)
//	default: // it may be in Kafka: sending it again may duplicate it
//		return requeueOrReport(b, err)
//	}
//
// The error is a [*DeliveryError], which says of each message whether it is
// [NotSent] or [Unknown]; a [*FilterError] or a [*TooLargeError], with which
// nothing was sent; or [ErrClosed], or a [*batch.Error] for a nil or zero Batch,
// the same. Forwarding a batch again is a new
// batch: nothing joins it with the first. [DeliveryError.Remaining] is the
// batch without what may have been sent.
//
// # The way of a batch
//
// Forward copies the batch, which is cheap, and works on the copy: events whose
// type is not forwarded or switched off are dropped; then the caller's filters
// run, in order; then the types of events are checked again, as a filter may
// have changed them, with the same keys and reasons in [Dropped]; then members
// that the settings remove are removed and unique_id is set; an eventless batch
// is dropped if the settings say so; what is left becomes one message, or one
// for each event. So a filter may use what must not leave, and cannot put back
// what a setting removes. A crash report's breadcrumbs lose their locations,
// too, where a filter has given it another type. The key is the user id in
// decimal. All of this happens on the goroutine that called Forward.
//
// A message of more than delivery.max_message_bytes is split between events, in
// order and into as few parts as filling one after the other makes. Each part
// repeats everything but the events, and has the only header there ever is,
// "eventferry-part: 2/3". An event that does not fit even alone is a
// [*TooLargeError], with which nothing of its batch is sent.
//
// Then the batch is accepted: all its messages together enter the producer's
// queue. Batches of one user go to one partition in the order in which they
// were accepted. A batch without a user id goes to a random partition.
//
// # When a broker refuses
//
// [New] and [Forwarder.Ping] say what failed, where, for whom and what to do,
// then the cause, which [errors.Is] and [errors.As] find: a sarama.KError, an
// error of crypto/x509 or of package net. While delivery waits the same texts
// are its cause: in the log, in [WaitInfo] and in the error of a deadline. (To
// find that out takes connections of its own, which are made when the wait has
// lasted a second and the linger: the error of a deadline before that has what the
// producer's connection met, which errors.Is finds.) The texts, in which b1:9093
// stands for the broker:
//
//	b1:9093 refused user "mparticle" with PLAIN: wrong password, or the broker's
//	  jaas configuration has no user_mparticle entry, which every broker needs
//	b1:9093 refused user "mparticle" with SCRAM-SHA-512: wrong password, or the
//	  user has no SCRAM-SHA-512 credential, which kafka-configs creates
//	b1:9093 does not offer PLAIN to user "mparticle", it offers "SCRAM-SHA-512":
//	  set authentication_method to what it offers, or add the mechanism to the
//	  broker's sasl.enabled.mechanisms
//	b1:9093 does not authenticate users, but user "mparticle" is set: use the
//	  broker's SASL_SSL listener, or leave user_name empty
//	b1:9093 closed the connection at the first request: SASL_SSL listener? set
//	  user_name and password, or use the broker's SSL listener
//	b1:9093 closed the connection while authenticating user "mparticle" with
//	  PLAIN: wrong user name or password, or mechanism not enabled
//	b1:9093 answered wrongly while authenticating user "mparticle" with
//	  SCRAM-SHA-512: check that it is the broker you mean
//	b1:9093: authenticating user "mparticle": what else went wrong meanwhile
//	authenticating: what the authenticator or the credentials' function says
//	b1:9093 has no topic "events": create it, or correct topic_name
//	b1:9093 takes "a/b" for no topic's name: correct topic_name
//	b1:9093 does not let user "mparticle" see topic "events", if there is one:
//	  grant it the operations WRITE and DESCRIBE
//	b1:9093 does not let user "mparticle" write to topic "events": grant it the
//	  operation WRITE
//	the brokers do not let user "mparticle" write to topic "events": grant it the
//	  operation WRITE
//	the brokers do not let user "mparticle" write idempotently: grant it the
//	  operation WRITE on topic "events", and before Kafka 2.8 IDEMPOTENT_WRITE on
//	  the cluster
//	b1:9093 closed the connection during the TLS handshake: plaintext listener?
//	  eventferry has no plaintext mode, use the broker's SSL or SASL_SSL listener
//	b1:9093 answers in plaintext: eventferry has no plaintext mode, use the
//	  broker's SSL or SASL_SSL listener
//	b1:9093 is no Kafka broker: check the port in bootstrap_servers
//	b1:9093 offers no TLS 1.2 or newer: add TLSv1.2 or TLSv1.3 to the broker's
//	  ssl.enabled.protocols
//	b1:9093 offers no TLS 1.3, the oldest version to accept here: add TLSv1.3 to
//	  the broker's ssl.enabled.protocols, or leave tls.min_version at 1.2
//	b1:9093 has no cipher suite in common: check the broker's ssl.cipher.suites
//	  and ssl.enabled.protocols
//	b1:9093 knows no server of this name: check bootstrap_servers and
//	  tls.server_name
//	b1:9093 ended the TLS handshake: what its alert says
//	TLS handshake with b1:9093: what else is wrong with it
//	certificate of b1:9093 is signed by an authority that is not trusted
//	  ("CN=CA"): set tls.ca_file to the CA that issued it
//	certificate of b1:9093 expired on 2026-01-31 12:00:00: renew it
//	certificate of b1:9093 is not valid before 2026-01-31 12:00:00: check the
//	  clocks, or renew it
//	certificate of b1:9093 was issued by a CA that has expired or is not valid yet:
//	  renew it
//	certificate of b1:9093 is not meant for a server: issue it with the extended
//	  key usage serverAuth
//	certificate of b1:9093 is for b1.example.com, not for "b1": use a name it has,
//	  in bootstrap_servers and the brokers' advertised.listeners, or set
//	  tls.server_name
//	certificate of b1:9093 has no SAN, CN is not enough: issue it again with a SAN
//	  for "b1"
//	b1:9093 wants a client certificate: set tls.cert_file and tls.key_file
//	b1:9093 wants a client certificate of an authority that ours ("CN=mparticle")
//	  is not from: set tls.cert_file to one that the broker's trust store knows
//	b1:9093 refused the client certificate ("CN=mparticle"): check its validity,
//	  and that the broker's trust store has its CA
//
// These come back at once, a closed connection the second time it is closed. One
// of a broker that leads partitions begins with "broker 2, leader of partitions
// 1, 4, at b2:9093 as b1:9093 advertises it: ".
// What follows is tried until ctx ends:
//
//	no broker could be reached: check bootstrap_servers and the network: b1:9093:
//	  dial tcp 10.0.0.1:9093: connect: connection refused
//	no broker could be reached: check bootstrap_servers and the network: b1:9093:
//	  no answer to the TLS handshake
//	b1:9093 advertises broker 2, leader of partitions 1, 4, at b2:9093, which
//	  cannot be reached: correct the broker's advertised.listeners, or let this
//	  host connect to it
//	b1:9093: topic "events": the topic has no partition with a leader yet
//
// A partition without a leader keeps nobody from starting if another has one.
// What a missing right looks like before it is needed comes from KIP-430, which
// brokers older than 2.3 do not have.
//
// # Security
//
// Every connection is TLS 1.2 or newer with the host name verified. There is no
// switch for plaintext and none to skip verification. SASL runs only inside a
// verified connection.
package forwarder
