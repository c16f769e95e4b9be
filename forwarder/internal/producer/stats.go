package producer

import "time"

// BrokerStats is what was sent to one broker so far. No number of it ever falls.
type BrokerStats struct {
	ID   int32
	Addr string // host:port, as the metadata has it

	Requests  int64         // produce requests, from when they are put together; one that is put back unsent is left out of those that follow
	Retries   int64         // attempts at a record batch after which it was neither written nor refused
	Throttled time.Duration // that the broker asked us to wait for
	Messages  int64         // in requests; one that is sent again counts again
	Bytes     int64         // of those messages, before compression
	BytesSent int64         // of those requests, after it

	Connections    int64     // opened to send messages
	ConnectedSince time.Time // when the present one was opened; zero: there is none
}

// A Meter is a [Producer] that knows what it has sent to each broker.
type Meter interface {
	// Brokers returns what was sent to each, by their ids. Where producers for several
	// topics share connections, each returns what all of them have sent.
	Brokers() []BrokerStats
}
