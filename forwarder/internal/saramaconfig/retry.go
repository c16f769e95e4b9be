package saramaconfig

import (
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/backoff"
)

// Sarama counts retries, so "never give up" is a number. At the longest back-off
// 4,500 attempts last more than six hours; each costs 32 bytes for each partition
// in use.
const (
	maxRetries          = 4500
	firstRetryBackoff   = 100 * time.Millisecond
	longestRetryBackoff = 5 * time.Second
)

// retryBackoff has the signature of Sarama's BackoffFunc.
func retryBackoff(attempt, _ int) time.Duration {
	return backoff.Exponential(firstRetryBackoff, longestRetryBackoff, attempt)
}
