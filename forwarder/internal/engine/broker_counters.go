package engine

import (
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// brokerCounters count what was sent to a broker. They outlive its worker. All but
// written is guarded by the engine's lock.
type brokerCounters struct {
	requests    int64
	retries     int64 // attempts at a record batch after which it was neither written nor refused
	throttled   time.Duration
	messages    int64
	bytes       int64 // of messages, before compression
	connections int64

	written atomic.Int64 // bytes of requests, after compression
}

// requestLocked counts a request that was answered or given up, with so many messages,
// which count for bytes against limits.
func (c *brokerCounters) requestLocked(messages, bytes int) {
	c.requests++
	c.messages += int64(messages)
	c.bytes += int64(bytes - producer.Overhead*messages)
}
