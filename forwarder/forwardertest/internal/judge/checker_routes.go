package judge

import (
	"fmt"
	"slices"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// A topicPartition is a partition of one of the topics.
type topicPartition struct {
	topic     int
	partition int32
}

// where names the place of a message.
func (c *checker) where(m *forwardertest.Message) string {
	place := fmt.Sprintf("partition %d offset %d", m.Partition, m.Offset)
	if c.h.params.Routed() {
		return fmt.Sprintf("topic %d %s", c.topic, place)
	}
	return place
}

// checkTopic reports whether all events of a message go to the topic that it is in.
func (c *checker) checkTopic(at attemptID, a *attempt, m *forwardertest.Message, where string) bool {
	p := c.h.params
	if !p.Routed() {
		return true
	}
	first, n := load.FirstEvent(m.Value)
	low, high := p.TopicEvents(a.id, c.topic, 0, p.Events(a.id))
	if n == 0 || low <= first && first+n <= high {
		return true // what is no event of it is found when the bytes are compared
	}
	c.add(WrongTopic, at, "%s: events %d to %d of id %d, of which %d to %d go there", where, first, first+n, a.id, low, high)
	return false
}

// span returns the events of an attempt.
func (c *checker) span(at attemptID, a *attempt) (from, to int) {
	if a.partial {
		span := c.h.spans[at]
		return span[0], span[1]
	}
	return 0, c.h.params.Events(a.id)
}

// outcome returns what was told of a part that is in a topic, and its place among the
// messages of its batch: those for one topic come before those for the next one.
func (c *checker) outcome(at attemptID, a *attempt, part int) (m trace.Message, index int) {
	m, all := trace.Message{Partition: -1, Offset: -1}, c.h.outcomes(at, a)
	switch {
	case !c.h.params.Divided(a.id):
		index = part
	case c.h.params.Shape(a.id) == load.Split:
		// How many parts each topic gets is the forwarder's choice.
		if len(all) > 0 && alike(all) {
			m.Outcome = all[0].Outcome
		}
		return m, lastBit
	default:
		from, to := c.span(at, a)
		index = max(0, slices.Index(c.h.params.EventTopics(a.id, from, to), c.topic))
	}
	if index < len(all) {
		m = all[index]
	}
	return m, index
}

// alike reports whether all outcomes are the same.
func alike(all []trace.Message) bool {
	return !slices.ContainsFunc(all, func(m trace.Message) bool { return m.Outcome != all[0].Outcome })
}

// eachOutcome returns the outcomes of the messages of which it is known to which topic
// they went.
func (c *checker) eachOutcome(at attemptID, a *attempt) []trace.Message {
	if c.h.params.Divided(a.id) && c.h.params.Shape(a.id) == load.Split {
		return nil
	}
	return c.h.outcomes(at, a)
}

// checkDivided looks at a batch with events for two topics of which all was acknowledged:
// its events are in both.
func (c *checker) checkDivided(at attemptID, a *attempt) {
	all := c.h.outcomes(at, a)
	if !c.h.params.Divided(a.id) || len(all) == 0 || all[0].Outcome != trace.Acknowledged || !alike(all) {
		return
	}
	if missing := bits(c.span(at, a)) &^ c.pieces[a.id]; missing != 0 {
		c.add(Lost, at, "id %d of owner %d number %d was acknowledged, and of its events for two topics %b is missing", a.id, at.owner, at.n, missing)
	}
}

// divided counts the batches of a shape, of those in the log, that have events for two topics.
func (h *history) divided(shape load.Shape) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, attempts := range h.owners {
		for i := range attempts {
			if a := &attempts[i]; a.seen != 0 && h.params.Divided(a.id) && h.params.Shape(a.id) == shape {
				n++
			}
		}
	}
	return n
}
