// Package forwardertest is a Kafka for tests of programs that embed a
// forwarder: real connections with TLS and SASL, faults, and the read-back of
// what arrived.
//
// # A Kafka inside the test
//
// [NewKafka] starts one in milliseconds, in this process, and stops it with
// the test; [StartKafka] does the same for programs. [Kafka.Settings] are
// ready for forwarder.New, and [Kafka.Messages] returns what arrived, read by a
// client that shares no code with the one that sent it:
//
//	func TestMine(t *testing.T) {
//		k := forwardertest.NewKafka(t)
//		f, err := forwarder.New(t.Context(), k.Settings())
//		...
//		for _, m := range k.Messages(t, "events") {
//			...
//		}
//	}
//
// Options choose topics, the number of brokers, the mechanisms and the
// certificates, wrong ones among them ([WithCertificate], [WithIssuer]).
//
// # Faults
//
// Each of these calls causes one failure between a program and its Kafka:
//
//	LoseAnswers       the request was carried out, the connection is reset
//	WithholdAnswers   the request was carried out, nothing is said any more
//	SlowAnswers       every answer takes its time
//	Fail              an error code of Kafka's protocol
//	Silence           a broker that hangs: it accepts and does not answer
//	Unreachable       a broker that is gone: its port is closed
//	CutConnections    all connections are reset at once
//	LimitRequests     larger requests close their connection
//	CloseOnCodecs     compressed record batches close their connection
//	FailCodecs        compressed record batches are refused
//	ForgetProducerIDs producer ids given out before are refused
//	ShiftClock        timestamps are refused as too far ahead
//	ThrottleAnswers   a quota: each answer says how long to wait
//	CutOff            a broker that does not hear of new leaders
//	MoveLeader        another broker leads the partition
//	Leaderless        no broker does
//
// They return a [Fault]. It counts how often it hit, so that a test can wait for
// what it is about and know that it took place.
//
// # What must hold afterwards
//
// These assertions check what was read back. A test puts ids and numbers of its
// own into its batches and names the members that hold them:
//
//	NoLoss            what was acknowledged is there
//	NoDuplicates      nothing is there twice
//	OrderedPerUser    a user's batches are in order, in one partition
//	KeylessSpread     batches without user id are spread evenly
//
// The program cmd/judge asks the same of the forwarder itself, and more, under
// load, faults and crashes, on this Kafka and on Apache Kafka's brokers.
//
// # Apache Kafka itself
//
// Package apachekafka starts brokers of Apache Kafka as child processes, where
// Java and Maven are installed. [Read] reads back from any Kafka.
//
// # Where the Kafka inside differs
//
// It is kfake of franz-go with the versions of Kafka 3.7, wrapped so that it
// refuses wrong passwords and disabled mechanisms, as Apache Kafka does. It
// does not replicate and keeps what it is given in memory. Sequence numbers of
// idempotent producers are checked, with two differences: the epoch is kept
// per producer rather than per producer and partition, and numbers wrap at
// 2^31-1 rather than 2^31.
package forwardertest
