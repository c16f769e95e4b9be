// Package timestamp dates messages by the wall clock at acceptance.
package timestamp

import "time"

// lead is how far timestamps may be ahead of the clock. Brokers refuse those
// that are more than an hour ahead (message.timestamp.after.max.ms), so a clock
// that was wrong for a moment must not date everything after it.
const lead = time.Minute

// A Clock gives timestamps that do not decrease while the wall clock is set
// back by up to a minute. It is not safe for concurrent use.
type Clock struct{ last int64 }

// Next returns the timestamp of a message that is accepted now, in milliseconds
// since 1970, as Kafka stores it.
func (c *Clock) Next(now time.Time) int64 {
	c.last = min(max(c.last, now.UnixMilli()), now.Add(lead).UnixMilli())
	return c.last
}
