package forwarder

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/drain"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/watch"
	"github.com/eventferry/eventferry/settings"
)

// A topicProducer delivers to one topic, and knows why that waits.
type topicProducer struct {
	topic string
	name  string // the topic as errors name it: "" when the forwarder has only this one
	probe brokerProbe
	watch *watch.Watcher

	// unsent says why messages stay in the spool, which no producer has; nil without a spool.
	unsent *drain.Unsent

	// producer is a function since what prints by reflection does not look into
	// one: messages wait in the producer.
	producer func() producer.Producer
}

// A brokerProbe asks the brokers on connections of its own. It is a
// [connect.Probe], save in tests.
type brokerProbe interface {
	Run(ctx context.Context) error
	Diagnose(ctx context.Context) connect.Diagnosis
	ExplainDelivery(err error) error
	CertificateExpires() time.Time
}

// newTopicProducer returns what delivers to a topic. undecided counts the messages
// that are neither acknowledged nor known to have failed. The caller closes it.
func newTopicProducer(name string, s settings.Settings, o options, p producer.Producer, probe brokerProbe, undecided func() int) *topicProducer {
	logger := o.logger
	if name != "" {
		logger = logger.With(slog.String("topic", name))
	}
	return &topicProducer{topic: s.TopicName, name: name, probe: probe, producer: func() producer.Producer { return p }, watch: watch.New(watch.Config{
		Waiting:   p.Waiting,
		Undecided: undecided,
		Explain:   probe.ExplainDelivery,
		Diagnose:  func(ctx context.Context) func(int32) error { return probe.Diagnose(ctx).Of },
		Report:    o.observer.reportWait(name),
		Resumed:   o.observer.reportResumed(name),
		Logger:    logger,
		Kept:      keptWhere(s, o),
		Threshold: watch.Threshold + s.Delivery.Linger,
	})}
}

// keptWhere says where refused messages are: in the spool, "" without one.
func keptWhere(s settings.Settings, o options) string {
	dir := s.Spool.Dir
	if o.spool != nil {
		dir = o.spool.Dir()
	}
	if dir == "" {
		return ""
	}
	return "in the spool " + dir + ", until it is put again or discarded"
}

// connectTo returns the producers of topics. Each has a probe; the first probe has run
// unless that is skipped. use is nil without a spool.
func connectTo(ctx context.Context, s settings.Settings, topics []string, o options, probes []*connect.Probe, use *spoolUse) ([]producer.Producer, error) {
	cfg, err := probes[0].Config(ctx)
	if err != nil {
		return nil, err
	}
	return newProducers(ctx, s, topics, o, probes, cfg, use)
}

// A partitionCounter is a producer that knows how many partitions there are, and
// of which topic: it has another id when it was made again. It knows why it could not
// learn that.
type partitionCounter interface {
	Partitions() int32
	TopicID() [16]byte
	MetadataFailure() error
}

// useSpool has the topic's watcher look at what lies in the spool, too. The watcher must
// not be in use.
func (t *topicProducer) useSpool(pending func() int) {
	t.unsent = &drain.Unsent{Begun: t.watch.Arm}
	t.watch.Undecided, t.watch.Waiting = pending, t.waiting
}

// waiting returns what the producer says waits and, if that is not all, what lies in the
// spool and waits for the topic.
func (t *topicProducer) waiting(patience time.Duration) []producer.Waiting {
	list := t.producer().Waiting(patience)
	w, ok := t.unsent.Waiting(patience)
	if !ok || slices.ContainsFunc(list, func(l producer.Waiting) bool { return l.Partition == w.Partition }) {
		return list
	}
	if counts, ok := t.producer().(partitionCounter); ok && w.Cause == nil {
		w.Cause = counts.MetadataFailure()
	}
	return append(list, w)
}

// drained returns the topic as what a spool is drained to. Its producer has recovered
// from the start.
func (t *topicProducer) drained(recovered []producer.Recovered) drain.Topic {
	p := t.producer()
	to := drain.Topic{Name: t.topic, Producer: armingProducer{p, t.watch}, Partitions: func() int32 { return 1 }, Unsent: t.unsent, Recovered: recovered}
	if counts, ok := p.(partitionCounter); ok {
		to.Partitions, to.TopicID = counts.Partitions, counts.TopicID
	}
	if len(recovered) > 0 {
		t.watch.Arm()
	}
	return to
}

// An armingProducer arms the watcher for each group.
type armingProducer struct {
	producer.Producer
	watch *watch.Watcher
}

// Submit implements [producer.Producer].
func (p armingProducer) Submit(g *producer.Group) {
	p.watch.Arm()
	p.Producer.Submit(g)
}

// namedTopic returns the topic of that name; the first one if there is none.
func namedTopic(topics []*topicProducer, name string) *topicProducer {
	for _, t := range topics {
		if t.topic == name {
			return t
		}
	}
	return topics[0]
}

// named puts the topic in front of an error, where there are several.
func (t *topicProducer) named(err error) error {
	if t.name == "" {
		return fmt.Errorf("forwarder: %w", err)
	}
	return topicError(t.name, err)
}

func topicError(topic string, err error) error {
	return fmt.Errorf("forwarder: topic %q: %w", topic, err)
}

// whyWaits returns why ctx ended and, if delivery to some topic waits, for what.
func whyWaits(ctx context.Context, topics []*topicProducer) error {
	for _, t := range topics {
		if t.name != "" && t.watch.Cause(watch.AnyPartition) != nil {
			return fmt.Errorf("topic %q: %w", t.name, t.watch.Err(ctx, watch.AnyPartition))
		}
	}
	return topics[0].watch.Err(ctx, watch.AnyPartition)
}
