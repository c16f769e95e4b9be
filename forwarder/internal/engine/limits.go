package engine

import (
	"time"

	"github.com/IBM/sarama"
)

const (
	// bundleBytes is what one bundle has: codecs find more to repeat in it than in
	// smaller ones and need less time for each byte, which larger ones do not
	// better.
	bundleBytes = 512 << 10

	// requestBytes is what one request carries of all partitions.
	requestBytes = 2 << 20

	// goodBytes is when messages are worth a request of their own, though another
	// one is under way.
	goodBytes = 64 << 10

	// maxFlights is how many requests a broker has at a time. It handles those of
	// one connection one after the other: the second is there so that it need not
	// wait for the next.
	maxFlights = 2
)

// limits bound what is sent together. Sizes are before compression.
type limits struct {
	bundle  int           // of one partition; a larger message goes alone
	request int           // of all partitions of a broker
	good    int           // see pace
	linger  time.Duration // how long the first message of a bundle waits for others
	first   int32         // sequence number
	codec   sarama.CompressionCodec
	level   int
}

func newLimits(c Config) limits {
	return limits{
		// Brokers refuse bundles, not messages: none may be larger than the
		// messages that the topic is meant to take.
		bundle:  min(bundleBytes, c.Sarama.Producer.MaxMessageBytes),
		request: requestBytes,
		good:    goodBytes,
		linger:  c.Sarama.Producer.Flush.Frequency,
		first:   c.FirstSequence,
		codec:   c.Sarama.Producer.Compression,
		level:   c.Sarama.Producer.CompressionLevel,
	}
}

// of is how large the next bundle of q may be.
func (l limits) of(q *queue) int {
	if q.limit > 0 {
		return min(l.bundle, q.limit)
	}
	return l.bundle
}
