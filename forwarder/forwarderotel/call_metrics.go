package forwarderotel

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"

	"github.com/eventferry/eventferry/forwarder"
)

// callMetrics counts what becomes of batches, call by call.
type callMetrics struct {
	messages, events, late *tally
	durations, waits       metric.Float64Histogram

	topic string // of all messages; "" if there are several

	mu   sync.RWMutex
	sets map[labels][]metric.RecordOption // those of what has happened: few, and each an allocation or more
}

// seconds are the boundaries that the conventions advise.
//
//nolint:gochecknoglobals // constants in all but name
var seconds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// waitSeconds are those for waits, which Forward's observer is told of after about
// five seconds.
//
//nolint:gochecknoglobals // constants in all but name
var waitSeconds = []float64{1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600}

func newCallMetrics(m metric.Meter) (*callMetrics, error) {
	var sent messagingconv.ClientSentMessages
	var duration messagingconv.ClientOperationDuration
	c := &callMetrics{sets: map[labels][]metric.RecordOption{}}
	var errs []error
	counter := func(name, unit, description string) *tally {
		i, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return newTally(i)
	}
	histogram := func(name, unit, description string, boundaries []float64) metric.Float64Histogram {
		i, err := m.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(boundaries...))
		errs = append(errs, err)
		return i
	}
	c.messages = counter(sent.Name(), sent.Unit(), "Messages that batches became, when their caller was told, or a stored one had ended.")
	c.events = counter("eventferry.events", "{event}", "Events of batches, by the outcome that the caller was told.")
	c.late = counter("eventferry.events.late", "{event}", "Events of unknown outcome, by the outcome that was learnt later.")
	c.durations = histogram(duration.Name(), duration.Unit(), "Time from the call of Forward to its end.", seconds)
	c.waits = histogram("eventferry.partition.wait.duration", "s", "Time that a partition made no progress, when that ended.", waitSeconds)
	return c, errors.Join(errs...)
}

// open comes before all else.
func (c *callMetrics) open(topics []string) {
	if len(topics) == 1 {
		c.topic, c.messages.topic = topics[0], topics[0]
	}
}

// flush gives the counters all that was counted.
func (c *callMetrics) flush(ctx context.Context) {
	c.messages.flush(ctx)
	c.events.flush(ctx)
	c.late.flush(ctx)
}

// done counts a batch whose caller is told.
func (c *callMetrics) done(ctx context.Context, info *forwarder.ForwardInfo) {
	var failed string
	if info.Err != nil {
		failed = errorType(info.Err)
	}
	c.durations.Record(ctx, info.Duration.Seconds(), c.of(labels{partition: noPartition, errorType: failed})...)
	left := info.Events
	for i := range info.Dropped {
		d := &info.Dropped[i]
		left -= d.Events
		c.events.add(ctx, d.Events, labels{partition: noPartition, outcome: "dropped", filter: d.Filter, reason: d.Reason})
	}
	e, ok := errors.AsType[*forwarder.DeliveryError](info.Err)
	if !ok || !slices.ContainsFunc(e.Failures, isStored) { // else settled counts all of the batch
		c.countMessages(ctx, info)
	}
	acknowledged := acknowledgedEvents(info)
	c.events.add(ctx, acknowledged, labels{partition: noPartition, outcome: "acknowledged"})
	switch {
	case ok:
		for i := range e.Failures {
			f := &e.Failures[i]
			c.events.add(ctx, f.Events, labels{partition: noPartition, outcome: outcomeName(f.Outcome), errorType: errorType(f.Err)})
		}
	case info.Err != nil: // before there were messages
		c.events.add(ctx, left, labels{partition: noPartition, outcome: "not_sent", errorType: failed})
	case info.SpoolID != 0:
		c.events.add(ctx, left-acknowledged, labels{partition: noPartition, outcome: outcomeName(forwarder.Stored)})
	}
}

func isStored(f forwarder.Failure) bool { return f.Outcome == forwarder.Stored }

// countMessages counts those that are acknowledged, and those that are not.
func (c *callMetrics) countMessages(ctx context.Context, info *forwarder.ForwardInfo) {
	for i := range info.Messages {
		m := &info.Messages[i]
		c.messages.add(ctx, 1, labels{topic: m.Topic, partition: m.Partition})
	}
	if e, ok := errors.AsType[*forwarder.DeliveryError](info.Err); ok {
		for i := range e.Failures {
			f := &e.Failures[i]
			c.messages.add(ctx, 1, labels{topic: f.Topic, partition: f.Partition, errorType: errorType(f.Err)})
		}
	}
}

// settled counts what was learnt after the caller had been told. Of a stored batch
// that is what became of its messages: how many events they have is not known.
func (c *callMetrics) settled(ctx context.Context, info forwarder.ForwardInfo) {
	if info.SpoolID != 0 {
		c.countMessages(ctx, &info)
		return
	}
	c.late.add(ctx, acknowledgedEvents(&info), labels{partition: noPartition, outcome: "acknowledged"})
	if e, ok := errors.AsType[*forwarder.DeliveryError](info.Err); ok {
		for i := range e.Failures {
			f := &e.Failures[i]
			c.late.add(ctx, f.Events, labels{partition: noPartition, outcome: outcomeName(f.Outcome), errorType: errorType(f.Err)})
		}
	}
}

// resumed counts a wait that has ended.
func (c *callMetrics) resumed(ctx context.Context, info forwarder.ResumedInfo) {
	l := labels{topic: info.Topic, partition: noPartition, errorType: errorType(info.Cause)}
	c.waits.Record(ctx, info.Duration.Seconds(), c.of(l)...)
}

func acknowledgedEvents(info *forwarder.ForwardInfo) (n int) {
	for i := range info.Messages {
		n += info.Messages[i].Events
	}
	return n
}

func outcomeName(o forwarder.Outcome) string {
	switch o {
	case forwarder.Acknowledged:
		return "acknowledged"
	case forwarder.NotSent:
		return "not_sent"
	case forwarder.Stored:
		return "stored"
	default:
		return "unknown"
	}
}

// of returns the option that says labels to a histogram.
func (c *callMetrics) of(l labels) []metric.RecordOption {
	c.mu.RLock()
	o := c.sets[l]
	c.mu.RUnlock()
	if o != nil {
		return o
	}
	o = []metric.RecordOption{metric.WithAttributeSet(l.set(c.topic))}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sets[l] = o
	return o
}
