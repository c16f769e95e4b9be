package forwarder

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/drain"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/watch"
	"github.com/eventferry/eventferry/settings"
)

// A Forwarder filters batches, turns them into messages and delivers those to
// one Kafka topic, or to several that [NewRoutes] is given. Create one with [New]
// and share it: its methods may be called from any number of goroutines. Call
// [Forwarder.Close] when done.
type Forwarder struct {
	options  options
	topics   []*topicProducer // one, or those of the routes
	pipeline *pipeline
	buffer   *buffer
	pool     pool
	inFlight inFlight
	format   *formatLog
	aborted  atomic.Int64 // messages that were undecided when Close was called
	closed   sync.Once
	stopping sync.Once // logStopping

	// spool is nil when nothing is kept on disk. It is a function since what prints
	// by reflection does not look into one: batches wait there.
	spool func() *spoolUse

	// What Stats tells, beside what others count.
	notAccepted, droppedBatches, droppedEvents atomic.Int64
}

// New connects to the topic that s describes.
//
// It returns once a broker has accepted the credentials and shown the topic,
// and every broker that leads a partition of it has been reached. A refusal
// (of credentials, topic, certificate) comes back at once; brokers that
// cannot be reached are tried until ctx ends, or for 30 seconds when ctx has no
// deadline. Only then does [errors.Is] find the end of a context in the error: ctx.Err(),
// or [context.DeadlineExceeded] after the 30 seconds. REFUSALS.md lists the texts. After a second of waiting one line in the log says so, with the
// cause that is known by then. ctx governs this call only. [WithoutProbe] skips all
// that. With a spool, New reads first what a former process has left under way; the 30
// seconds begin after that.
//
// Mistakes in s are reported together, each a [*settings.FieldError]. When there
// are none, the files that s names are read, and mistakes in those are reported
// together. With
// [WithAuthenticator] or [WithCredentials] the user name and password in s may
// be missing and do not count.
func New(ctx context.Context, s settings.Settings, opts ...Option) (*Forwarder, error) {
	o := newOptions(opts)
	s, err := o.validSettings(s)
	if err != nil {
		return nil, err
	}
	o.connect.Logger = o.logger
	probe, err := connect.New(s, o.connect)
	if err != nil {
		return nil, err
	}
	use, err := openSpool(ctx, s, o, []string{s.TopicName})
	if err != nil {
		return nil, fmt.Errorf("forwarder: %w", err)
	}
	f, err := start(ctx, s, o, probe, use)
	if err != nil && use != nil {
		use.detach()
	}
	return f, err
}

// start probes, and builds a forwarder on the spool if there is one.
func start(ctx context.Context, s settings.Settings, o options, probe *connect.Probe, use *spoolUse) (*Forwarder, error) {
	if use != nil {
		if err := use.recover(ctx); err != nil {
			return nil, err
		}
	}
	ctx, cancel := connect.WithStartTimeout(ctx)
	defer cancel()
	if !o.skipProbe {
		if err := o.runProbe(ctx, "", probe); err != nil {
			return nil, fmt.Errorf("forwarder: %w", err)
		}
	}
	producers, err := connectTo(ctx, s, []string{s.TopicName}, o, []*connect.Probe{probe}, use)
	if err != nil {
		return nil, fmt.Errorf("forwarder: %w", err)
	}
	f := newForwarder(s, o, producers[0], probe)
	f.open(use, s)
	return f, nil
}

// open tells the observer that f can be used, and begins to send what lies in the
// spool if there is one.
func (f *Forwarder) open(use *spoolUse, s settings.Settings) {
	if use != nil {
		f.useSpool(use, s)
	}
	f.opened()
	if use != nil {
		topics := make([]drain.Topic, len(f.topics))
		for i, t := range f.topics {
			topics[i] = t.drained(use.recovered[t.topic])
		}
		use.start(topics, hash(s, f.options), sendingHalf(s))
	}
}

// opened tells the observer that the forwarder can be used.
func (f *Forwarder) opened() {
	if opened := f.options.observer.Opened; opened != nil {
		names := make([]string, len(f.topics))
		for i, t := range f.topics {
			names[i] = t.topic
		}
		opened(OpenedInfo{Topics: names, Stats: f.Stats})
	}
}

// newForwarder takes settings whose defaults are filled in.
func newForwarder(s settings.Settings, o options, p producer.Producer, probe brokerProbe) *Forwarder {
	f := newWithoutTopic(s, o)
	f.addTopic("", s, p, probe)
	return f
}

// newWithoutTopic returns a forwarder without any topic yet.
func newWithoutTopic(s settings.Settings, o options) *Forwarder {
	return &Forwarder{
		options:  o,
		pipeline: newPipeline(s, o.filters, o.headers...),
		buffer:   newBuffer(s.Delivery.MaxBufferedBytes),
		format:   newFormatLog(o.logger),
	}
}

// addTopic adds a topic, before the forwarder is used.
func (f *Forwarder) addTopic(name string, s settings.Settings, p producer.Producer, probe brokerProbe) {
	f.topics = append(f.topics, newTopicProducer(name, s, f.options, p, probe, f.inFlight.messages))
}

// Ping reports whether messages could be delivered now: it connects as [New]
// does, with the credentials of this moment, and returns the same errors. It uses
// connections of its own, writes nothing, leaves nothing behind and blocks until
// all is reached, a broker refuses or ctx has ended (30 seconds without a
// deadline). After Close or Shutdown it returns [ErrClosed].
//
// Ping is for setting up and for changes of credentials, rights or listeners. It
// fails when one broker of several is away, although messages for the others are
// delivered, so a failure is no reason to end a process, nor to take it out of
// service: [Forwarder.Ready] is for that.
func (f *Forwarder) Ping(ctx context.Context) error {
	if f.inFlight.isClosed() {
		return ErrClosed
	}
	var errs []error
	for _, t := range f.topics {
		if err := t.probe.Run(ctx); err != nil {
			errs = append(errs, t.named(err))
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// useSpool has batches go through the spool. Half of the buffer is for what is sent,
// which start of use begins, a quarter for what is being encoded, and a quarter for
// stored batches whose calls of ForwardAsync wait for Kafka.
func (f *Forwarder) useSpool(use *spoolUse, s settings.Settings) {
	f.spool = func() *spoolUse { return use }
	f.buffer.limit -= sendingHalf(s)
	use.room = spoolRoom{newBuffer(f.buffer.limit / 2)}
	f.buffer.limit -= use.room.buffer.limit
	use.watches = make(map[string]*watch.Watcher, len(f.topics))
	for _, t := range f.topics {
		t.useSpool(use.pending)
		use.watches[t.topic] = t.watch
	}
	use.why = func(ctx context.Context) error { return whyWaits(ctx, f.topics) }
	use.recycle = f.pool.put
	use.observe, use.count = f.observeStored, f.inFlight.decide
	use.tell = func(d drain.Doubt) { f.observeDoubt(d, use.hold) }
}

// sendingHalf is what messages from the spool may take of the buffer.
func sendingHalf(s settings.Settings) int64 { return s.Delivery.MaxBufferedBytes / 2 }

// observeStored calls the observer's Settled for what went to one topic of a batch
// that had its answer when it was stored, in this process or a former one.
func (f *Forwarder) observeStored(e *drain.Ended) {
	settled := f.options.observer.Settled
	if settled == nil {
		return
	}
	f.inFlight.beginCallback()
	go func() {
		defer f.inFlight.endCall(true)
		t := namedTopic(f.topics, e.Topic)
		settled(context.Background(), storedInfo(e, t.name, t.probe.ExplainDelivery))
	}()
}
