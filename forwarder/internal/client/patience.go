package client

import "time"

// Retries are counted by the producer, so "never give up" is a number. At the
// longest pause 4,500 attempts last more than six hours; each costs 32 bytes for
// each partition in use.
const (
	retries      = 4500
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// pause grows from firstPause to longestPause.
func pause(attempt, _ int) time.Duration {
	return min(firstPause<<min(attempt, 10), longestPause)
}
