// Package engine is the default producer behind the seam of package producer.
// Sarama provides connections, SASL, the protocol and the record format. This
// package decides what is sent when, what is retried, and what is known of a
// message afterwards.
//
// # The way of a group
//
// Submit computes the partition of a group and appends it to that partition's
// waiting submissions. The worker of the partition's leader seals the waiting
// messages into a record batch and sends the record batches of several
// partitions in one produce request. The answer settles messages or says what
// to retry.
//
// A partition has at most one record batch in flight. Therefore nothing
// overtakes, whatever a broker refuses and whichever connection is lost, and
// the next sequence number is always known: it follows the last one that was
// acknowledged.
//
// A partition has a producer id of its own. A new epoch of that id concerns this
// partition alone, also at brokers that keep one epoch for all partitions of a
// producer id. Sarama's AsyncProducer has one id for all, so that a failure
// in one partition renumbers all of them.
//
// # Several topics
//
// An Engine is for one topic. Engines for several topics of a cluster (NewForTopics)
// share a brokerSet: the workers with their connections and requests, the producer id
// workers, and the lock. Each has its own partitions, metadata and connection for
// that. A record batch knows its partition, and that its engine.
//
// # Messages that may have been written
//
// A record batch whose connection was lost, or whose answer leaves the question
// open, may have been written. It keeps its records and its sequence number, so
// that the broker recognises it when it is sent again. Only a record batch that
// was certainly not written is taken apart: its messages go back to the
// partition and can be withdrawn. When a broker has lost the sequence, the
// engine begins a new epoch; messages that may have been written are not sent in it,
// since a new number could write them twice. The leader is asked for them first
// (log_query.go): what it shows below the high watermark is acknowledged, the rest
// is settled as unknown. That takes the right to read the topic. A new epoch fences
// late copies of the old one. A new producer id, which a partition gets when its id
// is lost or refused, fences none: a message that was settled as unknown may then
// still arrive, behind newer ones.
//
// # The journal
//
// With Config.Journal each message is in Kafka once also across a crash, without
// transactions: a broker does not know who holds a producer id, so any process
// that knows the numbers of a record batch can send it again, and the broker
// recognises it.
// The engine makes that possible in five steps (journal.go):
//
//   - Intent. Before a byte of a request reaches the socket, the journal has made
//     durable which messages go out under which producer id, epoch and first
//     sequence number, and when they are dated. It does that while Sarama
//     compresses: the connection's write waits for it (connect.Broker.BeforeWrite).
//     One intent serves all attempts with the same content. If it fails, nothing is
//     sent, and the record batches are tried again later. It may be durable all the
//     same, so it is ended first: the messages may go to another partition.
//   - End. How an intent ended is told before anything else of its partition can be
//     intended, under the engine's lock, so a partition has one open intent at most.
//   - Recovery. What a former process may have written (Config.Recovered) is the first
//     record batch of its partition, under its old numbers and with its old time, and
//     counts as possibly written. Nothing else of the partition goes before it.
//   - Numbers. No epoch is raised: the engine takes a producer id of its own once
//     nothing recovered is left that may have been written, and another whenever
//     numbering begins again. So no number is ever used for other messages, which
//     a broker would acknowledge and drop.
//   - Time. A record batch has one time, set when it is first intended: brokers
//     forget a producer by the time of what it has written last, not by their
//     clock. A refusal of the time is none of the messages: they go out under the
//     same numbers with another time, for as long as it takes.
//
// What may have been written is cut up for the same reasons as without a journal.
// The intent of a part names the whole, and the first part bears the whole's first
// number: when a broker takes it, the whole was never written.
//
// Some answers leave it open for ever whether a record batch was written: a part of it
// is out of sequence and the log does not show it, or its last message is refused
// for its own sake. So does a topic that was recreated. Then the record batch is in
// doubt (Doubtful): its messages go out again under other numbers, and may be in Kafka
// twice, or are refused (Config.RefuseDoubtful). What is older than half of the time for
// which brokers keep numbers is in doubt as well; it goes out under its old ones,
// with a new time, since brokers may still know them.
//
// These end the promise and cannot be recognised: an unclean election; all of a
// partition deleted and its broker restarted; a topic that was recreated a moment
// ago, as long as brokers tell of the old one and write to the new one, and requests
// to the old one that arrive late.
//
// # Refusals of a message
//
// A message that a broker refuses for its own sake fails alone. The messages
// that were sealed with it are sent again without it.
//
// # Goroutines
//
//   - metadataUpdater.run: one for each topic. It learns the partitions' leaders on a
//     connection of its own, and watches requests that take too long. Ends at
//     Close.
//   - producerIDWorker.run: maxIDWorkers. They request producer ids, each on a
//     connection of its own that stays open for ten seconds after a question.
//     End at Close.
//   - brokerWorker.run: one for each broker that leads a partition. It owns the
//     produce connection, of which it closes and opens one at a time. Ends at
//     Close, or when the broker leads nothing and its connection is closed.
//   - logAsker.ask: one for each partition whose leader is asked for what is in its
//     log, up to maxLogQueries, each with a connection of its own. Ends with the
//     answer, or after maxLogQueryTime and up to a second.
//   - brokerWorker.renew: one for each worker whose connection has become old. It
//     opens a newer one, and ends then.
//   - Sarama's two for each connection. handleAnswer runs on one of them. They
//     end when the connection is closed, which its owner waits for.
//   - one for each request that needs intents, with a journal: it calls Intend.
//     Close does not wait for it, since a journal on a disk that fails may block
//     until it is closed, which is after the engine.
//   - attempts to reach brokers (happyeyeballs), which end with the question
//     they belong to, and which anyBroker.close waits for.
//
// Close cancels the engine's context, aborts the connections and waits for all
// of them; then it settles the rest.
//
// # The lock
//
// brokerSet.mu, Engine.mu for short, guards everything that two goroutines share: partitions, workers,
// what is known of the topic. Functions whose names end in Locked need it. The
// following run without it: computing a partition (the hash may be the
// caller's), building and compressing records (the sender owns a record batch
// in flight), network calls, Journal.Intend, and settling (the owner may take locks
// of its own). Journal.End runs with it: nothing of the partition may be intended
// before.
//
// # The states of a partition
//
//	without leader   the metadata updater looks for one
//	without id       a producer id worker requests one
//	notScheduled     nothing to send, or in flight, or one of the above
//	scheduledLater   has something to send at a known time: linger, back-off
//	scheduledNow     the leader's worker takes it into its next request
//	in flight        sealed[0] is in a request, the journal records its intent, or the
//	                 leader is asked for it; nothing else of it is sent
//
// Any of these may hold sealed record batches, which go before waiting
// submissions. There is more than one only after a record batch was split, before
// or after a restart.
//
// # Limits and times
//
// Retries have no count: a refusal for want of a leader, of replicas or of
// rights is retried after at most a second. A broker that has not answered, or
// not accepted a connection, for two seconds makes the metadata updater ask for
// the leader; as soon as another broker leads the partition, that one gets the
// record batch. Otherwise the connection is given up after 30 seconds. A produce
// connection that had no request for three minutes is closed, before brokers and
// load balancers close it. A connection that has reached MaxConnectionAge is replaced:
// the newer one is opened beside it, and takes over when nothing is in flight. While
// the newer one is refused, the old one stays. Messages without a key
// stay with one partition until a record batch of it is sealed (KIP-480,
// KIP-794). The first retry on a new connection is immediate.
//
// # The size of requests
//
// Brokers need about as much time for a small request as for a large one, and so do
// the replicas that follow. So a request gathers up to 2 MiB before compression
// (pacing says how much of what waits) if that fits what it may take on the wire, which
// is known once Sarama has compressed it. The worker expects the next request to
// compress as those before it (wireRatio). If it takes more than it may, nothing of it
// is written, and its record batches go in smaller requests.
//
// # Requests that close their connection
//
// A broker closes the connection on a request above its socket.request.max.bytes,
// and says nothing. So a lost connection halves the size of the next request
// (requestSize), and the new connection must answer a produce request that writes
// nothing (verify) before the next one is sent: a broker that closes connections on
// those, too, or a proxy without a broker, says nothing about sizes. A record batch
// that has closed two such connections alone is split although it may have been
// written. A single message that has closed three is settled as unknown, with an
// error that is permanent; before the third, the connection must answer twenty
// small requests. When one of these is lost, or the connection is closed late, as a
// proxy does that has waited for an answer, the message is not to blame. Record
// batches of its partition that may have been written are settled with it as
// unknown, and are not permanent: nothing speaks against sending them again.
//
// # Memory
//
// Beside delivery.max_buffered_bytes, the messages of requests in flight are in
// memory up to three more times: encoded, compressed, and as a request. Those are
// two requests for each broker, each with up to 2 MiB before compression and no more than
// twice MaxRequestBytes, or with one message if that is larger. A record batch that
// waits to be sent again stays compressed if it may have been written, was split, or had
// a message that was refused: one of each partition, of 512 KiB at most before compression,
// or one message. An answer about a log takes 1 MiB, or one record batch that anybody
// has written to the topic, up to 16 MiB, for 16 partitions at most.
package engine
