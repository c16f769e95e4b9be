package engine

import (
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// brokerCounters count what was sent to a broker. They outlive its worker. All but
// written is guarded by the engine's lock.
type brokerCounters struct {
	requestCounts
	owed        requestCounts // counted, and put back without being sent
	retries     int64         // attempts at a record batch after which it was neither written nor refused
	throttled   time.Duration
	connections int64

	written atomic.Int64 // bytes of requests, after compression
}

// requestCounts count requests and what is in them.
type requestCounts struct {
	requests int64
	messages int64
	bytes    int64 // of messages, before compression
}

// countsOf returns the counts of one request with so many messages, which count for
// bytes against limits.
func countsOf(messages, bytes int) requestCounts {
	return requestCounts{1, int64(messages), int64(bytes - producer.Overhead*messages)}
}

// requestLocked counts a request that is about to be sent, with so many messages,
// which count for bytes against limits. What is owed is left out of the counts.
func (c *brokerCounters) requestLocked(messages, bytes int) {
	n := countsOf(messages, bytes)
	addBeyond(&c.requests, &c.owed.requests, n.requests)
	addBeyond(&c.messages, &c.owed.messages, n.messages)
	addBeyond(&c.bytes, &c.owed.bytes, n.bytes)
}

// notSentLocked takes back what requestLocked has counted for a request that is put
// back, and of which nothing was sent. No count may fall, so it is left out of those
// that come. An attempt that the connection fails counts, whatever it has written.
func (c *brokerCounters) notSentLocked(messages, bytes int) {
	n := countsOf(messages, bytes)
	c.owed.requests += n.requests
	c.owed.messages += n.messages
	c.owed.bytes += n.bytes
}

// addBeyond adds to count as much of n as is not owed.
func addBeyond(count, owed *int64, n int64) {
	covered := min(n, *owed)
	*owed -= covered
	*count += n - covered
}
