package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

// defectAt is the batch, by count, that a defect of one batch is about.
const defectAt = 1000

// A brokenClient is a producer in the place of a forwarder, with one defect.
type brokenClient struct {
	w        *workload
	defect   Defect
	topic    string
	producer sarama.AsyncProducer
	count    atomic.Int64
	over     chan struct{}
	once     sync.Once
	swapped  atomic.Bool
}

// A pending is one message on its way.
type pending struct {
	message *sarama.ProducerMessage
	done    func(forwarder.ForwardInfo)
}

func newBroken(s settings.Settings, w *workload) (subject, error) {
	s = s.WithDefaults()
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_7_0_0
	tc, err := s.TLS.Config()
	if err != nil {
		return nil, err
	}
	cfg.Net.TLS.Enable, cfg.Net.TLS.Config = true, tc
	cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, dialer{w}
	cfg.Net.MaxOpenRequests = 1
	password, err := s.ReadPassword()
	if err != nil {
		return nil, err
	}
	if err := (&auth.SCRAM{UserName: s.UserName, Password: password}).Apply(cfg); err != nil {
		return nil, err
	}
	const manyRetries = 1000
	cfg.Metadata.Retry.Max = manyRetries
	p := &cfg.Producer
	p.Idempotent, p.RequiredAcks = w.cfg.Defect != NotIdempotent, sarama.WaitForAll
	p.Retry.Max = manyRetries
	if w.cfg.Defect == Resends {
		p.Retry.Max, p.Retry.Backoff = 1, 20*time.Millisecond
	}
	p.Return.Successes, p.Return.Errors = true, true
	p.Partitioner = partition.ByUser(partition.Murmur2)
	if w.cfg.Defect == WrongPartition {
		p.Partitioner = partition.ByUser(wrongFor(w.cfg.User(0)))
	}
	b := &brokenClient{w: w, defect: w.cfg.Defect, topic: s.TopicName, over: make(chan struct{})}
	if b.producer, err = sarama.NewAsyncProducer(s.Servers(), cfg); err != nil {
		return nil, fmt.Errorf("broken client: %w", err)
	}
	go b.answers()
	return b, nil
}

// wrongFor places one user next to where it belongs.
func wrongFor(user int64) partition.Func {
	one := strconv.FormatInt(user, 10)
	return func(key []byte, partitions int32) int32 {
		p := partition.Murmur2(key, partitions)
		if string(key) == one {
			p = (p + 1) % partitions
		}
		return p
	}
}

type dialer struct{ w *workload }

func (d dialer) Dial(network, addr string) (net.Conn, error) {
	return d.w.dial(context.Background(), network, addr)
}

func (b *brokenClient) Forward(ctx context.Context, one *batch.Batch) error {
	return b.ForwardAll(ctx, []*batch.Batch{one})[0]
}

func (b *brokenClient) ForwardAll(ctx context.Context, bs []*batch.Batch) []error {
	infos := make([]forwarder.ForwardInfo, len(bs))
	var wg sync.WaitGroup
	order := make([]int, len(bs))
	for i := range order {
		order[i] = i
	}
	if _, known := bs[0].UserID(); known && len(bs) > 1 && b.defect == Swaps && b.count.Load() > defectAt && !b.swapped.Swap(true) {
		order[0], order[1] = 1, 0
	}
	for _, i := range order {
		wg.Add(1)
		b.send(bs[i], func(info forwarder.ForwardInfo) { infos[i] = info; wg.Done() })
	}
	wg.Wait()
	errs := make([]error, len(bs))
	for i, info := range infos {
		b.w.done(ctx, info)
		errs[i] = info.Err
	}
	return errs
}

func (b *brokenClient) ForwardAsync(ctx context.Context, one *batch.Batch, done func(error)) {
	b.send(one, func(info forwarder.ForwardInfo) {
		b.w.done(ctx, info)
		done(info.Err)
	})
}

// send makes one message of a batch, and here a defect of one batch strikes.
func (b *brokenClient) send(one *batch.Batch, done func(forwarder.ForwardInfo)) {
	value := one.AppendJSON(nil)
	m := &sarama.ProducerMessage{Topic: b.topic}
	user, known := one.UserID()
	if known && !(b.defect == DropsKey && user == b.w.cfg.User(0)) {
		m.Key = sarama.ByteEncoder(strconv.AppendInt(nil, user, 10))
	}
	p := &pending{message: m, done: done}
	m.Metadata = p
	now := known && b.count.Add(1) == defectAt
	switch {
	case now && b.defect == Swallows:
		go done(forwarder.ForwardInfo{Messages: []forwarder.Message{{Partition: -1, Offset: -1}}})
		return
	case now && b.defect == ChangesByte:
		value[len(value)-3] ^= 1
	case now && b.defect == SendsNotSent:
		p.done = func(info forwarder.ForwardInfo) {
			info.Err = &forwarder.DeliveryError{Messages: 1, Failures: []forwarder.Failure{
				{Outcome: forwarder.NotSent, Partition: -1, Err: errors.New("broken client: a lie")},
			}}
			info.Messages = nil
			done(info)
		}
	}
	m.Value = sarama.ByteEncoder(value)
	b.producer.Input() <- m
}

// answers takes what the producer says.
func (b *brokenClient) answers() {
	defer close(b.over)
	successes, failures := b.producer.Successes(), b.producer.Errors()
	for successes != nil || failures != nil {
		select {
		case m, ok := <-successes:
			if !ok {
				successes = nil
				continue
			}
			p := m.Metadata.(*pending) //nolint:errcheck // as made above
			p.done(forwarder.ForwardInfo{Messages: []forwarder.Message{{Partition: m.Partition, Offset: m.Offset, Events: 1}}})
		case e, ok := <-failures:
			if !ok {
				failures = nil
				continue
			}
			b.failed(e)
		}
	}
}

// failed sends again what has failed, as a caller does who takes an error for
// "not sent".
func (b *brokenClient) failed(e *sarama.ProducerError) {
	p := e.Msg.Metadata.(*pending) //nolint:errcheck // as made above
	again := &sarama.ProducerMessage{Topic: b.topic, Key: e.Msg.Key, Value: e.Msg.Value, Metadata: p}
	go func() { b.producer.Input() <- again }()
}

// It has no spool.
func (b *brokenClient) Store(context.Context, *batch.Batch, ...spool.Tag) error {
	return forwarder.ErrNoSpool
}
func (b *brokenClient) StoreAll(context.Context, []*batch.Batch, ...spool.Tag) []error      { return nil }
func (b *brokenClient) StoreAsync(context.Context, *batch.Batch, func(error), ...spool.Tag) {}

func (b *brokenClient) Shutdown(context.Context) error { return b.Close() }

func (b *brokenClient) Close() error {
	b.once.Do(b.producer.AsyncClose)
	<-b.over
	return nil
}
