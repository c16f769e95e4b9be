package forwarder

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
	"github.com/eventferry/eventferry/settings"
)

// A Forwarder filters batches, turns them into messages and delivers those to
// one Kafka topic. Create one with [New] and share it: its methods may be
// called from any number of goroutines. Call [Forwarder.Close] when done.
type Forwarder struct {
	settings settings.Settings // with all defaults filled in
	options  options
	probe    *probe
	pipeline *pipeline
	buffer   *buffer
	pool     pool
	ledger   ledger
	producer deliver.Producer
	explain  func(error) error // says more of what a broker refused; may be nil
	watch    *watcher
	aborted  atomic.Int64 // messages that were undecided when Close came
}

// New connects to the topic that s describes.
//
// It returns once a broker has accepted the credentials and shown the topic,
// and every broker that leads a partition of it has been reached. What a broker
// refuses (credentials, topic, certificate) comes back at once; brokers that
// cannot be reached are tried until ctx ends, or for 30 seconds when ctx has no
// deadline, and only then is the error the context's to [errors.Is]. What the
// errors say is listed under "When a broker refuses". ctx governs this call
// only. [WithoutProbe] skips all that.
//
// Mistakes in s are reported together, each a [*settings.FieldError]; so are then
// those in the files that it names, which are read when there are no others. With
// [WithAuthenticator] or [WithCredentials] the user name and password in s may
// be missing and do not count.
func New(ctx context.Context, s settings.Settings, opts ...Option) (*Forwarder, error) {
	o := options{logger: slog.Default()}
	for _, opt := range opts {
		opt.apply(&o)
	}
	probe, err := newProbe(s, o)
	if err != nil {
		return nil, err
	}
	s = s.WithDefaults()
	p, err := newPipeline(s, o.filters)
	if err != nil {
		return nil, err
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	if !o.skipProbe {
		if err := probe.run(ctx); err != nil {
			return nil, fmt.Errorf("forwarder: %w", err)
		}
	}
	cfg, err := probe.credentials(ctx)
	if err != nil {
		return nil, fmt.Errorf("forwarder: %w", err)
	}
	producer, err := newProducer(s, o, probe, cfg)
	if err != nil {
		return nil, fmt.Errorf("forwarder: %w", err)
	}
	f := newForwarder(s, o, p, producer, probe.diagnose)
	f.probe, f.explain = probe, probe.explainDelivery
	return f, nil
}

// newForwarder takes settings whose defaults are filled in. diagnose finds out
// why delivery waits.
func newForwarder(s settings.Settings, o options, p *pipeline, producer deliver.Producer,
	diagnose func(context.Context) diagnosis,
) *Forwarder {
	f := &Forwarder{
		settings: s,
		options:  o,
		pipeline: p,
		buffer:   newBuffer(s.Delivery.MaxBufferedBytes),
		producer: producer,
	}
	f.watch = newWatcher(f, diagnose)
	return f
}

// Ping reports whether messages could be delivered now: it does again what
// [New] does to connect, with the credentials of this moment, and returns what
// New would. It uses connections of its own, writes nothing, leaves nothing
// behind and blocks until all is reached, something is refused or ctx has ended
// (30 seconds without a deadline). After Close or Shutdown it returns
// [ErrClosed].
func (f *Forwarder) Ping(ctx context.Context) error {
	if f.ledger.isClosed() {
		return ErrClosed
	}
	if err := f.probe.run(ctx); err != nil {
		return fmt.Errorf("forwarder: %w", err)
	}
	return nil
}

// explained is a broker's refusal with more of what is known about it.
func (f *Forwarder) explained(err error) error {
	if err == nil || f.explain == nil {
		return err
	}
	return f.explain(err)
}
