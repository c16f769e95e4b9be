package drain

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// An Unsent says of one topic why messages for it lie in the store and stay there. No
// producer has them, so none can say that they wait. Any goroutine may ask.
type Unsent struct {
	// Begun, if it is set, is called when messages have begun to wait. It must not block.
	Begun func()

	mu      sync.Mutex
	crowded time.Time // since when there is no memory for messages of a partition of which the producer has none; zero: there is
	unmet   time.Time // since when there are messages although the partitions are not known; zero: there are none
	unread  time.Time // since when the store cannot be read; zero: it can
	failure error     // why
}

// Waiting returns what waits, and has for at least patience. Its cause is nil while the
// partitions are not known: the producer asks for them, and knows more.
func (u *Unsent) Waiting(patience time.Duration) (w producer.Waiting, ok bool) {
	before := time.Now().Add(-patience)
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !u.unread.IsZero() && !u.unread.After(before):
		return producer.Waiting{
			Partition: producer.NoPartition, Since: u.unread, Certain: true, Next: "reading the spool again",
			Cause: fmt.Errorf("the spool cannot be read: check its disk: %w", u.failure),
		}, true
	case !u.unmet.IsZero() && !u.unmet.After(before):
		return producer.Waiting{Partition: producer.NoPartition, Since: u.unmet, Next: "asking the brokers for the topic"}, true
	case !u.crowded.IsZero() && !u.crowded.After(before):
		return producer.Waiting{
			Partition: producer.NoPartition, Since: u.crowded, Cause: errNoMemory, Certain: true, Next: "waiting until some of these are delivered",
		}, true
	default:
		return w, false
	}
}

var errNoMemory = errors.New("there is no memory for more messages: those of other partitions and topics fill it, and wait; " +
	"mend what they wait for, or raise delivery.max_buffered_bytes")

// setUnmet notes whether there are messages although the partitions are not known.
func (u *Unsent) setUnmet(unmet bool) { u.set(&u.unmet, unmet, nil) }

// setCrowded notes whether there is no memory for messages of a partition of which the
// producer has none.
func (u *Unsent) setCrowded(crowded bool) { u.set(&u.crowded, crowded, nil) }

// setFailure notes why the store cannot be read; nil: it can.
func (u *Unsent) setFailure(err error) { u.set(&u.unread, err != nil, err) }

func (u *Unsent) set(since *time.Time, waits bool, failure error) {
	u.mu.Lock()
	begins := waits && since.IsZero()
	switch {
	case begins:
		*since = time.Now()
	case !waits:
		*since = time.Time{}
	}
	if since == &u.unread {
		u.failure = failure
	}
	u.mu.Unlock()
	if begins && u.Begun != nil {
		u.Begun()
	}
}
