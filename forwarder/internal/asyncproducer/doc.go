// Package asyncproducer adapts Sarama's AsyncProducer to the contract of package
// producer.
//
// It keeps the guarantees of that contract but for these limits, which are
// Sarama's:
//
//   - Retries are counted. A broker that answers but refuses, as when too few
//     replicas are in sync, is retried 4,500 times, which takes more than six
//     hours; then the message comes back as unknown. While no broker answers, or
//     a partition has no leader, nothing is counted and there is no bound. Each of
//     the 4,500 costs 32 bytes for each partition in use.
//   - A refusal by an ACL is not retried: it comes back at once, as unknown and
//     not permanent. Until the topic has been seen, delivery waits instead.
//   - Attempts are not told apart. A message that a broker refuses is therefore
//     unknown, even if the first attempt was refused for its own sake.
//   - Messages in AsyncProducer cannot be withdrawn: of each partition up to 1,024
//     messages and Producer.MaxMessageBytes, or one message. They are unknown when
//     a context ends, or Close comes, although most may never have been sent.
//   - Brokers refuse record batches, not messages. Messages that were gathered
//     with a refused one fail with it.
//   - Requests have no bound that a configuration could set. A partition has at most
//     one record batch of Producer.MaxMessageBytes in a request, and after a lost
//     connection each record batch goes alone.
//   - A failure begins a new epoch for all partitions, which Kafka keeps apart for
//     each partition. An emulation that does not may then refuse the batches of
//     other partitions; they are unknown.
//   - A broker that says nothing is given up after 30 seconds, by which its
//     partitions may be late. Other partitions go on, unless they need to learn of
//     a new leader meanwhile.
//   - A bootstrap server that accepts connections and says nothing delays the
//     first message by the 10 seconds that a TLS handshake may take, or by 30
//     seconds if it goes silent after that. A broker in the metadata that says
//     nothing may do the same, since any broker is asked for the producer id.
//   - A topic that is made anew with fewer partitions leaves messages in flight
//     for the others waiting until Close.
//   - The circuit breaker of a partition without a leader sleeps for up to 10
//     seconds after Close, on a goroutine that does nothing else and ends then. So
//     do the goroutines of a connection that a broker has throttled, for as long
//     as it said; messages that they hold are unknown.
//   - Messages without a user id get a random partition for each batch.
//
// These properties of Sarama are no limits, since this package works round them:
//
//   - the circuit breaker, which fails every message for 10 seconds after three
//     failed searches for a leader, and searches that grow the stack: client lets
//     no search fail (client.go), and waits for metadata that one goroutine asks
//     for (metadata.go);
//   - pauses and connections that Close could not end: pauses are slept here, and
//     connections are closed below Sarama (client.go);
//   - a partition without a leader that fills the channels of all others: each
//     partition has a window (queue.go);
//   - sequence numbers that turn negative after 2^31 messages of a partition, and
//     the 2^15 epochs of a producer id: a new AsyncProducer takes over in time
//     (async.go);
//   - messages that it does not give back while a broker throttles it: Close
//     settles them (async.go).
//
// The engine has queues and asks for metadata as well. It does so on record batches
// and connections of its own, and AsyncProducer keeps those to itself. So only
// single functions are shared: those for the partition, the timestamp and the
// back-off.
package asyncproducer
