package load

import (
	"fmt"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// With routes, the events of a batch go to one topic or to two: those before a place in
// the batch to one, and those from there on to the other. All follows from the id.

// routedTypes are the types of events, one for each topic, of those that no setting drops
// by default.
func routedTypes() []string {
	return []string{
		batch.CustomEvent, batch.CommerceEvent, batch.ScreenView, batch.SessionStart, batch.SessionEnd,
		batch.ApplicationStateTransition, batch.FirstRun, batch.Profile, batch.PushMessage, batch.Breadcrumb,
	}
}

// MaxTopics is how many topics there can be.
func MaxTopics() int { return len(routedTypes()) }

// TopicName is the name of a topic, by its number.
func TopicName(first string, topic int) string {
	if topic == 0 {
		return first
	}
	return fmt.Sprintf("%s-%d", first, topic)
}

// TopicNames are those of all topics.
func (p Params) TopicNames(first string) []string {
	names := make([]string, max(1, p.Topics))
	for topic := range names {
		names[topic] = TopicName(first, topic)
	}
	return names
}

// Routed reports whether there are several topics.
func (p Params) Routed() bool { return p.Topics > 1 }

// divided returns the topics of a batch's events, and from which event on they go to the
// second one.
func (p Params) divided(id uint32) (first, second, at int) {
	h := mix(p.Seed^4, uint64(id))
	n := uint64(p.Topics) //nolint:gosec // small
	first = int(h % n)    //nolint:gosec // small
	second = (first + 1 + int(h>>16%(n-1))) % p.Topics
	return first, second, int(h >> 32 % uint64(p.Events(id)+1)) //nolint:gosec // small
}

// TopicEvents returns which of the events from one to another go to a topic. They stand
// together.
func (p Params) TopicEvents(id uint32, topic, from, to int) (int, int) {
	if !p.Routed() {
		return from, to
	}
	first, second, at := p.divided(id)
	switch topic {
	case first:
		return from, max(from, min(to, at))
	case second:
		return min(to, max(from, at)), to
	default:
		return from, from
	}
}

// EventTopics returns the topics that get any of the events from one to another, in the
// order of the routes.
func (p Params) EventTopics(id uint32, from, to int) (topics []int) {
	for topic := range p.Topics {
		if low, high := p.TopicEvents(id, topic, from, to); low < high {
			topics = append(topics, topic)
		}
	}
	return topics
}

// Divided reports whether a batch has events for two topics.
func (p Params) Divided(id uint32) bool {
	return p.Routed() && len(p.EventTopics(id, 0, p.Events(id))) > 1
}

// eventType is that of an event.
func (p Params) eventType(id uint32, event int) string {
	switch {
	case p.closes(id, event):
		return batch.SessionEnd
	case !p.Routed():
		return batch.CustomEvent
	}
	first, second, at := p.divided(id)
	if event < at {
		return routedTypes()[first]
	}
	return routedTypes()[second]
}

// routes are those of the forwarder: the last topic takes the rest.
func (p Params) routes(first string) (list []forwarder.Route) {
	for topic, name := range p.TopicNames(first) {
		list = append(list, forwarder.Route{Topic: name, Types: routedTypes()[topic : topic+1]})
	}
	list[len(list)-1].Types = nil
	return list
}
