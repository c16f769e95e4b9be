package forwarder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// A Route says which events go to a topic. See [NewRoutes].
type Route struct {
	// Topic gets the events. It is required. Several routes may name the same one.
	Topic string

	// Types are the types of the events, such as [batch.CommerceEvent]. None: all
	// types, and batches without events.
	Types []string

	// Environment is that of their batch: mParticle writes "production" and
	// "development". The case of letters does not count. Empty: any, and batches
	// that have none, or one that is repeated or no string.
	Environment string
}

// reasonNoRoute is the reason for events and batches that no route takes.
const reasonNoRoute = "no route takes it"

// A router chooses the topic of each event. It never changes once it is made.
type router struct {
	topics       []string
	environments []routeTable // those that routes name
	rest         routeTable   // for batches of any other environment
}

// A routeTable says which topic gets the events of batches of one environment.
type routeTable struct {
	environment string
	types       map[string]int
	other       int // gets the types that are not in the map, and batches without events; noTopic: none
}

const noTopic = -1

// topic returns the topic for events of a type.
func (t *routeTable) topic(eventType string) int {
	if topic, ok := t.types[eventType]; ok {
		return topic
	}
	return t.other
}

// newRouter returns a router, or all mistakes in routes.
func newRouter(routes []Route) (*router, error) {
	if len(routes) == 0 {
		return nil, errors.New("forwarder: there is no route")
	}
	var mistakes []error
	mistaken := func(i int, reason string) {
		mistakes = append(mistakes, fmt.Errorf("forwarder: route %d: %s", i+1, reason))
	}
	r := &router{rest: routeTable{other: noTopic}}
	for i, one := range routes {
		for _, reason := range one.mistakes() {
			mistaken(i, reason)
		}
		if !slices.Contains(r.topics, one.Topic) {
			r.topics = append(r.topics, one.Topic)
		}
		if one.Environment != "" && r.tableOf(one.Environment) == &r.rest {
			r.environments = append(r.environments, routeTable{environment: one.Environment, other: noTopic})
		}
	}
	for i, one := range routes {
		used := r.rest.add(one, r.topics)
		for k := range r.environments {
			used = r.environments[k].add(one, r.topics) || used
		}
		if !used && len(one.mistakes()) == 0 {
			mistaken(i, "gets nothing, as the routes before it take it all: put it before them")
		}
	}
	return r, errors.Join(mistakes...)
}

// mistakes returns what is wrong with a route by itself.
func (r *Route) mistakes() []string {
	var list []string
	alone := settings.Settings{BootstrapServers: "broker:9093", TopicName: r.Topic}
	if e, ok := errors.AsType[*settings.FieldError](alone.Validate()); ok {
		list = append(list, fmt.Sprintf("topic %.249q %s", r.Topic, e.Reason))
	}
	for i, eventType := range r.Types {
		switch {
		case !batch.IsForwarded(eventType) || eventType != strings.ToLower(eventType):
			list = append(list, fmt.Sprintf("type %.40q is none of the constants of package batch, such as %s", eventType, batch.CustomEvent))
		case slices.Contains(r.Types[:i], eventType):
			list = append(list, fmt.Sprintf("type %q is there twice", eventType))
		}
	}
	return list
}

// add adds a route behind those before it, and reports whether it gets anything.
func (t *routeTable) add(r Route, topics []string) (used bool) {
	if t.other != noTopic || r.Environment != "" && !strings.EqualFold(r.Environment, t.environment) {
		return false
	}
	topic := slices.Index(topics, r.Topic)
	if len(r.Types) == 0 {
		t.other = topic
		return true
	}
	for _, eventType := range r.Types {
		if _, taken := t.types[eventType]; taken {
			continue
		}
		if t.types == nil {
			t.types = map[string]int{}
		}
		t.types[eventType], used = topic, true
	}
	return used
}

// tableOf returns the table for batches of an environment.
func (r *router) tableOf(environment string) *routeTable {
	for i := range r.environments {
		if strings.EqualFold(r.environments[i].environment, environment) {
			return &r.environments[i]
		}
	}
	return &r.rest
}

// tableFor returns the table for a batch.
func (r *router) tableFor(b *batch.Batch) *routeTable {
	v := b.At(routedEnvironment...)
	if _, sole := v.Sole(); !sole || len(r.environments) == 0 {
		return &r.rest
	}
	name, _ := v.Text()
	return r.tableOf(name)
}

// drop is the last filter: it drops what no route takes.
func (r *router) drop(_ context.Context, b *batch.Batch) error {
	table := r.tableFor(b)
	if table.other != noTopic {
		return nil
	}
	b.DropTypes(reasonNoRoute, func(eventType string) bool { return table.topic(eventType) == noTopic })
	if b.NumEvents() == 0 {
		return batch.Drop(reasonNoRoute)
	}
	return nil
}

// A routedBatch is the part of a batch that goes to one topic.
type routedBatch struct {
	topic int
	batch *batch.Batch
}

// split returns what is left of b for each topic that gets any of it, in the order
// of the routes. It edits b, which drop has left.
func (r *router) split(b *batch.Batch) []routedBatch {
	table := r.tableFor(b)
	first, several := table.other, false
	gets := make([]bool, len(r.topics))
	for i, e := range b.Events() {
		topic := table.topic(e.Type())
		if i == 0 {
			first = topic
		}
		gets[topic], several = true, several || topic != first
	}
	if !several {
		return []routedBatch{{first, b}}
	}
	var list []routedBatch
	for topic, is := range gets {
		if is {
			list = append(list, routedBatch{topic, b})
		}
	}
	for i := range list[:len(list)-1] { // the last one keeps b
		list[i].batch = b.Clone()
	}
	for _, part := range list {
		part.batch.DropTypes(reasonOtherTopic, func(eventType string) bool { return table.topic(eventType) != part.topic })
	}
	return list
}

// reasonOtherTopic is why an event is in another part. No caller is told.
const reasonOtherTopic = "goes to another topic"

// routedEnvironment is made once, not for each batch. No code writes to it.
//
//nolint:gochecknoglobals // a constant in all but name
var routedEnvironment = []string{"environment"}
