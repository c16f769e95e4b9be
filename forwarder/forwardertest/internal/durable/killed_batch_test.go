package durable

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/eventferry/eventferry/batch"
)

// A batchID says which batch it is: the numbers of a user's batches grow, over all
// processes.
type batchID struct{ user, number int }

// An eventID is one event of a batch.
type eventID struct {
	batchID
	index int
}

const (
	users     = 50
	noUserIDs = 10 // the last of the users, whose batches have no user id

	// maxMessageBytes splits the largest batches.
	maxMessageBytes = 50_000
)

// random returns numbers that are the same in every process.
func (id batchID) random(more int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(id.user), uint64(id.number*100+more))) //nolint:gosec // not negative, and no secret
}

// events is how many events the batch has.
func (id batchID) events() int { return 1 + id.random(99).IntN(5) }

// event returns the text of an event: the same for the process that stores it and
// for the one that checks it. One batch in 50 is large, and a third of the events are
// views of screens, which routes may send to another topic.
func (id batchID) event(index int) string {
	r := id.random(index)
	size := r.IntN(600)
	if id.random(98).IntN(50) == 0 {
		size += 20_000
	}
	pad := make([]byte, size)
	for i := range pad {
		pad[i] = byte('a' + r.IntN(26)) //nolint:gosec // a letter
	}
	kind := batch.CustomEvent
	switch {
	case id.random(97).IntN(20) == 0:
		kind = "session_end"
	case id.random(96-index).IntN(3) == 0:
		kind = batch.ScreenView // closes no window
	}
	return fmt.Sprintf(`{"event_type":"%s","data":{"user":%d,"number":%d,"index":%d,"pad":"%s"}}`, kind, id.user, id.number, index, pad)
}

// text is its batch_id.
func (id batchID) text() string { return fmt.Sprintf("%d-%d", id.user, id.number) }

// place is in its envelope, and another one in some of a user's batches.
func (id batchID) place() int { return id.number / 40 % 3 }

func (id batchID) batch() (*batch.Batch, error) {
	text := new(strings.Builder)
	text.WriteString("{")
	if id.user < users-noUserIDs {
		fmt.Fprintf(text, `"mpid":%d,`, id.user+1)
	}
	fmt.Fprintf(text, `"mp_deviceid":"device %d","batch_id":"%s","place":%d,"events":[`, id.user, id.text(), id.place())
	for i := range id.events() {
		if i > 0 {
			text.WriteString(",")
		}
		text.WriteString(id.event(i))
	}
	text.WriteString("]}")
	return batch.Parse([]byte(text.String()))
}
