package durable

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// findings count what a topic has, and what is wrong with it.
type findings struct {
	Messages, Events, Stored int // Stored: batches that a process has reported
	Moves                    int // of users, from one partition to another

	Lost     int // events of batches that were reported, and that are neither there nor refused
	Cut      int // events of other batches that are not there although others of their batch are
	Twice    int
	Disorder int
	Altered  int
	Strange  int // events in a message whose envelope no batch of them, or not the last, had
}

// wrong is what must not be.
func (f findings) wrong() findings {
	f.Messages, f.Events, f.Stored, f.Moves = 0, 0, 0, 0
	return f
}

// A topicUser is a user in one topic: there is no order between topics.
type topicUser struct {
	topic, user int
}

// A placedEvent is an event of a user, and where it is.
type placedEvent struct {
	eventID
	partition int32
	dated     time.Time
}

// compare orders the events of one user.
func (e placedEvent) compare(other placedEvent) int {
	return cmp.Or(cmp.Compare(e.number, other.number), cmp.Compare(e.index, other.index))
}

// A topicCheck checks the messages of topics, each in the order of forwardertest.Read.
// It is not one of the assertions for users: they count batches, and this counts
// events.
type topicCheck struct {
	findings
	there map[eventID]bool
	users map[topicUser][]placedEvent
	first map[string]string // the first example of each thing wrong
}

// check checks the messages of one topic, given the batches that were reported stored and the
// events that were refused. Partitions were added so many times.
func check(messages []forwardertest.Message, stored map[batchID]bool, refused map[eventID]bool, growths int) *topicCheck {
	return checkTopics([][]forwardertest.Message{messages}, stored, refused, growths)
}

// checkTopics is check for several topics, whose batches are there in all of them or
// in none.
func checkTopics(topics [][]forwardertest.Message, stored map[batchID]bool, refused map[eventID]bool, growths int) *topicCheck {
	c := &topicCheck{there: map[eventID]bool{}, users: map[topicUser][]placedEvent{}, first: map[string]string{}}
	for topic, messages := range topics {
		for _, m := range messages {
			c.message(topic, m)
		}
	}
	c.moved(growths)
	c.Stored = len(stored)
	for id := range stored {
		for i := range id.events() {
			if e := (eventID{id, i}); !c.there[e] && !refused[e] {
				c.wrongAt(&c.Lost, "lost", e, "")
			}
		}
	}
	for id := range c.begun() {
		for i := range id.events() {
			other := eventID{id, i}
			if !stored[id] && !c.there[other] && !refused[other] {
				c.wrongAt(&c.Cut, "not there while others of its batch are", other, "")
			}
		}
	}
	return c
}

// begun returns the batches that have an event there.
func (c *topicCheck) begun() map[batchID]bool {
	ids := map[batchID]bool{}
	for e := range c.there {
		ids[e.batchID] = true
	}
	return ids
}

func (c *topicCheck) message(topic int, m forwardertest.Message) {
	c.Messages++
	place := fmt.Sprintf("%d/%d/%d", topic, m.Partition, m.Offset)
	var b struct {
		Events  []json.RawMessage
		BatchID string `json:"batch_id"`
		Place   int
	}
	if err := json.Unmarshal(m.Value, &b); err != nil || len(b.Events) == 0 {
		c.wrongAt(&c.Altered, "not a batch", eventID{}, place)
		return
	}
	for i, text := range b.Events {
		c.Events++
		e, err := parseEvent(text)
		if e.place() != b.Place || i == len(b.Events)-1 && e.text() != b.BatchID {
			c.wrongAt(&c.Strange, "in an envelope of another batch", e, place)
		}
		if err != nil || e.event(e.index) != string(text) || !keyOf(e.user, m.Key) {
			c.wrongAt(&c.Altered, "altered", e, place)
			continue
		}
		if c.there[e] {
			c.wrongAt(&c.Twice, "twice", e, place)
			continue
		}
		c.there[e] = true
		if m.Key != nil {
			c.ordered(topic, placedEvent{e, m.Partition, m.Timestamp}, place)
		}
	}
}

// ordered checks an event of a user with an id.
func (c *topicCheck) ordered(topic int, e placedEvent, place string) {
	u := topicUser{topic, e.user}
	list := c.users[u]
	if n := len(list); n > 0 && list[n-1].partition == e.partition && e.compare(list[n-1]) < 0 {
		c.wrongAt(&c.Disorder, "out of order", e.eventID, place)
	}
	c.users[u] = append(list, e)
}

// moved checks that a user has moved from one partition to another no more often
// than partitions were added, and that nothing was sent to the next one before
// what comes before it.
func (c *topicCheck) moved(growths int) {
	for _, list := range c.users {
		slices.SortStableFunc(list, placedEvent.compare)
		moves := 0
		for i, e := range list[1:] {
			last := list[i]
			if e.partition == last.partition {
				continue
			}
			if moves++; moves > growths || e.dated.Before(last.dated) {
				c.wrongAt(&c.Disorder, "moved", e.eventID, fmt.Sprintf("from %d to %d, %v later", last.partition, e.partition, e.dated.Sub(last.dated)))
			}
		}
		c.Moves += moves
	}
}

func (c *topicCheck) wrongAt(count *int, what string, e eventID, place string) {
	*count++
	if c.first[what] == "" {
		c.first[what] = fmt.Sprintf("%+v %s", e, place)
	}
}

func parseEvent(text []byte) (eventID, error) {
	var e struct {
		Data struct{ User, Number, Index int }
	}
	err := json.Unmarshal(text, &e)
	return eventID{batchID{e.Data.User, e.Data.Number}, e.Data.Index}, err
}

func keyOf(user int, key []byte) bool {
	if user >= users-noUserIDs {
		return key == nil
	}
	return string(key) == fmt.Sprint(user+1)
}
