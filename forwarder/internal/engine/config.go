package engine

import (
	"context"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
)

// defaultIDExpiration is producer.id.expiration.ms of Kafka since 3.5 (KIP-854).
// Before that, brokers kept numbers for seven days.
const defaultIDExpiration = 24 * time.Hour

// Config configures [New].
type Config struct {
	Servers []string // host:port of the bootstrap servers
	Topic   string

	// Sarama configures connections. The engine uses these of its Producer section: the
	// codec, MaxMessageBytes, linger (Flush.Frequency) and Timeout. The engine
	// does not change it.
	Sarama *sarama.Config

	// Configure returns the configuration of one connection, with credentials that
	// are requested for each connection. It may block, and is called on several
	// goroutines. nil: Sarama is used for all.
	Configure func(context.Context) (*sarama.Config, error)

	// Hash computes the partition of a key. It must be safe for concurrent use.
	// nil: Murmur2.
	Hash partition.Func

	// MaxRequestBytes bounds one produce request on the wire, whatever the codec.
	// It must be at least 1,024 more than the largest message, which goes out
	// however large it is. More than 2 MiB bound only such messages: with a codec a
	// request gathers up to twice MaxRequestBytes before compression, and at most
	// 2 MiB, as far as those before it have compressed. 0: 1,040,000.
	MaxRequestBytes int

	// Journal is told what is about to be written, before it is, and what became
	// of it. The messages of all groups have numbers then, and Kafka has each
	// once also across a crash, if the next engine gets what the journal has
	// open as Recovered. nil: there is none.
	Journal   producer.Journal
	Recovered []producer.Recovered

	// JournalOf returns both for one of several topics, instead.
	JournalOf func(topic string) (producer.Journal, []producer.Recovered)

	// Explain adds to a broker's refusal what to do, for the reason that the journal of a
	// topic is told. It is called under the engine's lock, and must not wait. nil: the
	// reason is what the broker said.
	Explain func(topic string, err error) error

	// LastTimestamp returns the newest timestamp with which a former process may have
	// written to a partition, as its journal knows; 0: it does not. Timestamps go on
	// from there. It is called once for a partition, with a lock of the engine: it
	// must not block. nil: nothing is known.
	LastTimestamp func(topic string, partition int32) int64

	// RefuseDoubtful: what may have been written, and can be found out by no
	// answer, is refused. Otherwise it goes out again, and may be in Kafka twice.
	// It needs a journal.
	RefuseDoubtful bool

	// ProducerIDExpiration is the brokers' producer.id.expiration.ms: what may have
	// been written longer ago than half of it is in doubt. 0: 24 hours.
	ProducerIDExpiration time.Duration

	// MaxConnectionAge is when the connection to a broker is replaced by a newer one,
	// which is opened first. While a newer one is refused, the old one stays. 0:
	// connections are not renewed.
	MaxConnectionAge time.Duration

	// RenewalRefused is called when a newer connection to the server at addr was
	// refused, on any goroutine. It may block: Close waits for it. nil: no call.
	RenewalRefused func(addr string, cause error)

	// Clock dates messages, and nothing else. nil: time.Now.
	Clock func() time.Time

	// FirstSequence is the first sequence number of each partition. It is 0
	// except in tests that cannot wait for 2^31 messages.
	FirstSequence int32
}
