package asyncproducer

import "time"

const (
	// window is how many messages of a partition AsyncProducer has at most. It
	// must be more than fit into one record batch of small messages, and less than
	// the channels of AsyncProducer hold.
	window = 1024

	// After renewAfter messages of one partition a new AsyncProducer begins:
	// AsyncProducer lets sequence numbers turn negative after 2^31, which brokers
	// refuse.
	renewAfter = 1 << 30

	// After renewAfterFailures, too: each failure may use up one of the 2^15 epochs
	// of a producer id, and AsyncProducer asks for another id on a goroutine that
	// others wait for.
	renewAfterFailures = 1 << 14

	// The pauses between attempts to get metadata and to start an AsyncProducer.
	minBackoff        = 100 * time.Millisecond
	maxRefreshBackoff = 2 * time.Second
	maxStartBackoff   = 5 * time.Second

	// closeGrace bounds the wait for Sarama at Close. It is over at once, unless a
	// broker has throttled a request: Sarama waits that time out, whatever becomes
	// of the connection.
	closeGrace = 500 * time.Millisecond
)

// limits bound what AsyncProducer gets.
type limits struct {
	messages  int   // of one partition in flight
	bytes     int   // of those: one record batch, so that a partition that waits never fills the request of its broker
	sequences int64 // messages of one partition until a new AsyncProducer begins
	failures  int   // failed messages until then
}
