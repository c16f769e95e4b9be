package load

import (
	"context"
	"sync/atomic"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// open makes a forwarder, with routes if there are several topics.
func (p Params) open(ctx context.Context, s settings.Settings, d Defect, opts []forwarder.Option) (*forwarder.Forwarder, error) {
	if !p.Routed() {
		return forwarder.New(ctx, s, opts...)
	}
	routes := p.routes(s.TopicName)
	if d == WrongTopic {
		routes[0].Topic, routes[1].Topic = routes[1].Topic, routes[0].Topic
	}
	s.TopicName = ""
	return forwarder.NewRoutes(ctx, s, routes, opts...)
}

// routed puts a defect of routes before a subject, if it is to have one.
func (p Params) routed(s subject, d Defect) subject {
	if d != MissesTopic {
		return s
	}
	return &missesTopic{subject: s, params: p}
}

// A missesTopic leaves out, in one batch that is divided, what goes to one of the topics.
type missesTopic struct {
	subject
	params Params
	count  atomic.Int64 // of divided batches
}

// cut takes the events of the last topic from a batch, if its turn has come.
func (m *missesTopic) cut(b *batch.Batch) {
	const at = 20
	one, ok := ReadBatch(b.AppendJSON(nil))
	if !ok || m.params.User(one.Owner) == 0 || !m.params.Divided(one.ID) || m.count.Add(1) != at {
		return
	}
	topics := m.params.EventTopics(one.ID, 0, m.params.Events(one.ID))
	missing := routedTypes()[topics[len(topics)-1]]
	b.DropTypes("a defect", func(eventType string) bool { return eventType == missing })
}

func (m *missesTopic) Forward(ctx context.Context, b *batch.Batch) error {
	m.cut(b)
	return m.subject.Forward(ctx, b)
}

func (m *missesTopic) ForwardAll(ctx context.Context, bs []*batch.Batch) []error {
	for _, b := range bs {
		m.cut(b)
	}
	return m.subject.ForwardAll(ctx, bs)
}

func (m *missesTopic) ForwardAsync(ctx context.Context, b *batch.Batch, done func(error)) {
	m.cut(b)
	m.subject.ForwardAsync(ctx, b, done)
}

func (m *missesTopic) Store(ctx context.Context, b *batch.Batch, tag ...spool.Tag) error {
	m.cut(b)
	return m.subject.Store(ctx, b, tag...)
}

func (m *missesTopic) StoreAll(ctx context.Context, bs []*batch.Batch, tags ...spool.Tag) []error {
	for _, b := range bs {
		m.cut(b)
	}
	return m.subject.StoreAll(ctx, bs, tags...)
}

func (m *missesTopic) StoreAsync(ctx context.Context, b *batch.Batch, done func(error), tag ...spool.Tag) {
	m.cut(b)
	m.subject.StoreAsync(ctx, b, done, tag...)
}
