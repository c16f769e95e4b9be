package engine

import (
	"fmt"
	"net"
	"time"
)

const (
	// maxThrottle bounds a throttle time that a broker tells. Quotas are about
	// windows of seconds (quota.window.size.seconds), so brokers tell seconds. The
	// protocol has room for 24 days, for which one wrong answer would stop all that
	// goes to the broker. One that means it tells it again.
	maxThrottle = 5 * time.Minute

	// throttleMemory is how long a broker that has throttled is expected to do so
	// again.
	throttleMemory = time.Minute

	// maxProduceTime is how long writing a request may take. Sarama's time limits
	// for the network are far shorter, so it waits for a quota then.
	maxProduceTime = maxThrottle + time.Minute

	// produceGrace bounds the wait for a request that is being written at Close. It
	// is over at once, unless Sarama waits for a quota.
	produceGrace = 500 * time.Millisecond
)

// errWriteThrottled is why a request was given up that was not written yet.
var errWriteThrottled = fmt.Errorf("the request waited for the broker's quota when its connection was closed: %w", net.ErrClosed)
