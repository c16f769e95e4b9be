package forwarder

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// A fakeProducer is a producer.Producer that does what a test tells it to.
type fakeProducer struct {
	acks bool // it acknowledges at once, as the messages come

	mu      sync.Mutex
	groups  []*producer.Group
	handed  map[*producer.Group]int // how many messages are beyond withdrawal
	settled map[*producer.Group]map[int]bool
	waits   []producer.Waiting
	closed  bool
}

func (p *fakeProducer) Submit(g *producer.Group) {
	p.mu.Lock()
	for i := range g.Messages { // what is acknowledged is written over
		g.Messages[i].Value = bytes.Clone(g.Messages[i].Value)
	}
	p.groups = append(p.groups, g)
	closed := p.closed
	p.mu.Unlock()
	switch {
	case closed:
		p.settleAll(g, producer.Result{Outcome: producer.NotSent, Partition: -1, Offset: -1, Err: producer.ErrClosed})
	case p.acks:
		p.ack(g)
	}
}

// hand makes the first n messages of g the producer's.
func (p *fakeProducer) hand(g *producer.Group, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handed == nil {
		p.handed = map[*producer.Group]int{}
	}
	p.handed[g] = n
}

func (p *fakeProducer) Withdraw(g *producer.Group) (int32, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.handed[g]
	for i := range g.Messages {
		if p.settled[g][i] {
			first = max(first, i+1) // what is settled was handed over
		}
	}
	for i := first; i < len(g.Messages); i++ {
		p.markLocked(g, i)
	}
	if first == 0 {
		p.waits = nil // it waited for nothing else
	}
	return 3, first
}

func (p *fakeProducer) markLocked(g *producer.Group, i int) bool {
	if p.settled == nil {
		p.settled = map[*producer.Group]map[int]bool{}
	}
	if p.settled[g] == nil {
		p.settled[g] = map[int]bool{}
	}
	before := p.settled[g][i]
	p.settled[g][i] = true
	return !before
}

func (p *fakeProducer) settle(g *producer.Group, i int, r producer.Result) {
	p.mu.Lock()
	mine := p.markLocked(g, i)
	p.mu.Unlock()
	if mine {
		g.Owner.Settle(i, r)
	}
}

func (p *fakeProducer) settleAll(g *producer.Group, r producer.Result) {
	for i := range g.Messages {
		p.settle(g, i, r)
	}
}

func (p *fakeProducer) ack(g *producer.Group) {
	for i := range g.Messages {
		p.settle(g, i, producer.Result{Outcome: producer.Acknowledged, Partition: 3, Offset: int64(100 + i)})
	}
}

func (p *fakeProducer) Waiting(patience time.Duration) []producer.Waiting {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []producer.Waiting
	for _, w := range p.waits {
		if time.Since(w.Since) >= patience {
			list = append(list, w)
		}
	}
	return list
}

func (p *fakeProducer) setWaiting(list ...producer.Waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = list
}

func (p *fakeProducer) Close() error {
	p.mu.Lock()
	p.closed = true
	groups, handed := p.groups, p.handed
	p.mu.Unlock()
	for _, g := range groups {
		for i := range g.Messages {
			r := producer.Result{Outcome: producer.NotSent, Partition: -1, Offset: -1, Err: producer.ErrClosed}
			if i < handed[g] {
				r.Outcome = producer.Unknown
			}
			p.settle(g, i, r)
		}
	}
	return nil
}

// submitted waits until the producer has n groups and returns them.
func (p *fakeProducer) submitted(t testing.TB, n int) []*producer.Group {
	t.Helper()
	var groups []*producer.Group
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		groups = p.groups
		return len(groups) >= n
	}, 10*time.Second, time.Millisecond)
	return groups
}

// withProducer makes a forwarder on p, and on brokers that say nothing.
func withProducer(t testing.TB, p producer.Producer, change func(*settings.Settings, *options)) *Forwarder {
	t.Helper()
	return withProbe(t, p, fakeProbe{}, change)
}

func withProbe(t testing.TB, p producer.Producer, probe brokerProbe, change func(*settings.Settings, *options)) *Forwarder {
	t.Helper()
	s, o := keepAll(), options{logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if change != nil {
		change(&s, &o)
	}
	return newForwarder(s.WithDefaults(), o, p, probe)
}

// A fakeProbe says of every partition that its messages wait because of cause.
type fakeProbe struct{ cause error }

func (fakeProbe) Run(context.Context) error { return nil }
func (p fakeProbe) Diagnose(context.Context) connect.Diagnosis {
	return connect.Diagnosis{Err: p.cause}
}
func (fakeProbe) ExplainDelivery(err error) error { return err }

func (fakeProbe) CertificateExpires() time.Time { return time.Time{} }

// split makes every event a message of its own.
func oneMessagePerEvent(s *settings.Settings, _ *options) { s.SendAsBatch = settings.Off }

// events parses a batch of user 42 with n events.
func events(t testing.TB, n int) *batch.Batch {
	t.Helper()
	data := []byte(`{"mpid":42,"events":[`)
	for i := range n {
		if i > 0 {
			data = append(data, ',')
		}
		data = append(data, `{"event_type":"custom_event","data":{"n":`+strconv.Itoa(i)+`}}`...)
	}
	b, err := batch.Parse(append(data, "]}"...))
	require.NoError(t, err)
	return b
}

// unknown is how a producer gives up.
func unknown(err error) producer.Result {
	return producer.Result{Outcome: producer.Unknown, Partition: 3, Offset: -1, Err: err}
}
