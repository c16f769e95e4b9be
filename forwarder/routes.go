package forwarder

import (
	"context"
	"errors"
	"fmt"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/settings"
)

// NewRoutes is [New] for several topics. Each event goes to the topic of the first
// route that takes it:
//
//	f, err := forwarder.NewRoutes(ctx, s, []forwarder.Route{
//		{Topic: "events-dev", Environment: "development"},
//		{Topic: "commerce", Types: []string{batch.CommerceEvent}},
//		{Topic: "events"}, // the rest
//	})
//
// Routes choose last, by what all filters and settings have left. What no route
// takes is dropped, which the observer is told as filter "routes". A batch without
// events goes to the first route for its environment that names no types.
//
// A batch whose events go to several topics becomes a message, or as many as its
// settings make of it, in each: with the same members but for the events, and the
// same key. These are accepted together, and the outcome of the call is that of all
// of them: nil when all are acknowledged, and otherwise one [*DeliveryError], whose
// failures name their topic. An event that is too large keeps all of the batch from
// being sent. The order of one user's batches holds within each topic; between
// topics there is none.
//
// With a spool such a batch is stored as a whole or not at all, and its messages go
// out as their topics take them: a topic that stands still holds up no other.
// [Observer].Settled tells of each topic by itself. NewRoutes refuses a spool that holds
// messages of a topic that no route names, with a [*spool.TopicError] for each, and it
// refuses [WithWindow] and the setting spool.window, since a window leaves as one message, for one topic.
//
// s.TopicName must be empty. All routes are checked, and all topics probed, one after
// the other: errors name the topic, and there is one for each that is refused. Topics
// are never named by data. In all else the settings, the options and the methods of the
// Forwarder are as they are for one topic:
// max_buffered_bytes bounds the memory of all together, and Ping, Shutdown and Close
// are about all.
//
// Topics share connections and requests, but for one connection for metadata each.
// The same load over ten topics of 12 partitions took 1.23 of the processor time of one
// such topic (BenchmarkRoutes of forwardertest/internal/cost). With [WithSaramaProducer]
// each topic has a producer and connections of its own.
func NewRoutes(ctx context.Context, s settings.Settings, routes []Route, opts ...Option) (*Forwarder, error) {
	o := newOptions(opts)
	r, err := o.router(s, routes)
	s.TopicName = anyTopic // what is wrong with it has its error already
	s, mistakes := o.validSettings(s)
	if err := errors.Join(err, mistakes); err != nil {
		return nil, err
	}
	o.connect.Logger, o.connect.Routed = o.logger, true
	use, err := openSpool(ctx, s, o, r.topics)
	if err != nil {
		return nil, fmt.Errorf("forwarder: %w", err)
	}
	f, err := startRoutes(ctx, s, o, r, use)
	if err != nil && use != nil {
		use.detach()
	}
	return f, err
}

// startRoutes probes, and builds a forwarder on the spool if there is one.
func startRoutes(ctx context.Context, s settings.Settings, o options, r *router, use *spoolUse) (*Forwarder, error) {
	if use != nil {
		if err := use.recover(ctx); err != nil {
			return nil, err
		}
	}
	ctx, cancel := connect.WithStartTimeout(ctx)
	defer cancel()
	f := newWithoutTopic(s, o)
	f.pipeline.useRouter(r)
	if err := f.addTopics(ctx, s, r.topics, use); err != nil {
		return nil, err
	}
	f.open(use, s)
	return f, nil
}

// anyTopic is a topic name that is valid.
const anyTopic = "topic"

// router returns the router of the routes, or the mistakes in them, and those in s and
// o that only routes make one.
func (o *options) router(s settings.Settings, routes []Route) (*router, error) {
	r, err := newRouter(routes)
	if s.TopicName != "" {
		err = errors.Join(errTopicAndRoutes, err)
	}
	if o.window != nil || s.Spool.Window != 0 {
		err = errors.Join(err, errWindowRoutes)
	}
	return r, err
}

var (
	errTopicAndRoutes = errors.New("forwarder: topic_name must be empty, as the routes name the topics")
	errWindowRoutes   = errors.New("forwarder: WithWindow, or the setting spool.window, gathers batches for one topic, and routes divide them: leave one of them out")
)

// addTopics probes the topics, and then connects to them.
func (f *Forwarder) addTopics(ctx context.Context, s settings.Settings, topics []string, use *spoolUse) error {
	probes := make([]*connect.Probe, len(topics))
	var refusals []error
	for i, topic := range topics {
		s.TopicName = topic
		var err error
		if probes[i], err = connect.New(s, f.options.connect); err != nil {
			return err // about files, which all topics share
		}
		if f.options.skipProbe {
			continue
		}
		if err := f.options.runProbe(ctx, topic, probes[i]); err != nil {
			refusals = append(refusals, topicError(topic, err))
			if ctx.Err() != nil {
				break // of the others nothing can be found out
			}
		}
	}
	if len(refusals) > 0 {
		return errors.Join(refusals...)
	}
	producers, err := connectTo(ctx, s, topics, f.options, probes, use)
	if err != nil {
		return fmt.Errorf("forwarder: %w", err)
	}
	for i, topic := range topics {
		s.TopicName = topic
		f.addTopic(topic, s, producers[i], probes[i])
	}
	return nil
}
