package connect

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

// A RejectedError is a broker's answer that it does not write messages.
type RejectedError struct {
	Broker   string // its id and address
	Messages int    // of the record batch
	Bytes    int    // their size before compression
	Code     sarama.KError
	Text     string // that the broker adds; left out of Error unless it is known
}

func (e *RejectedError) Unwrap() error { return withKnownText(e.Code, e.Text) }

func (e *RejectedError) Error() string {
	rejected := fmt.Sprintf("a message of %d bytes", e.Bytes)
	if e.Messages > 1 {
		rejected = fmt.Sprintf("%d messages of %d bytes", e.Messages, e.Bytes)
	}
	return fmt.Sprintf("%s rejected %s: %v", e.Broker, rejected, e.Unwrap())
}

var outOfRange = regexp.MustCompile(`^Timestamp (-?\d+) of message with offset \d+ is out of range\. The timestamp should be within \[(-?\d+), (-?\d+)\]$`)

// clockDifference says whose clock is off, and how far, if the broker has told.
func (e *RejectedError) clockDifference() string {
	m := outOfRange.FindStringSubmatch(e.Text)
	if m == nil {
		return ""
	}
	var numbers [3]int64
	for i := range numbers {
		n, err := strconv.ParseInt(m[i+1], 10, 64)
		if err != nil {
			return ""
		}
		numbers[i] = n
	}
	const precision = time.Second
	switch stamp, oldest, newest := numbers[0], numbers[1], numbers[2]; {
	case stamp > newest:
		return fmt.Sprintf("this host's clock is %s further ahead of the broker's than the topic's message.timestamp.after.max.ms allows",
			(time.Duration(stamp-newest) * time.Millisecond).Round(precision))
	case stamp < oldest:
		return fmt.Sprintf("this host's clock is %s further behind the broker's than the topic's message.timestamp.before.max.ms allows",
			(time.Duration(oldest-stamp) * time.Millisecond).Round(precision))
	default:
		return ""
	}
}
