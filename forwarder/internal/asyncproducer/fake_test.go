package asyncproducer

import (
	"sync"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A fakeClient stands for Sarama's client: it answers what a test has set.
type fakeClient struct {
	sarama.Client // nil: nothing else may be called

	mu        sync.Mutex
	all       []int32
	leaders   []int32
	err       error // of RefreshMetadata
	leaderErr error // of WritablePartitions
	refreshes int
	closed    bool
}

func (c *fakeClient) set(all, leaders []int32, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all, c.leaders, c.err = all, leaders, err
}

func (c *fakeClient) RefreshMetadata(...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshes++
	return c.err
}

func (c *fakeClient) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refreshes
}

func (c *fakeClient) Partitions(string) ([]int32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all, nil
}

func (c *fakeClient) WritablePartitions(string) ([]int32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaders, c.leaderErr
}

func (c *fakeClient) Leader(string, int32) (*sarama.Broker, error) {
	return sarama.NewBroker("leader:9093"), nil
}

func (c *fakeClient) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

// A fakeAsync stands for Sarama's AsyncProducer. A test answers each message.
type fakeAsync struct {
	sarama.AsyncProducer

	input     chan *sarama.ProducerMessage
	successes chan *sarama.ProducerMessage
	errors    chan *sarama.ProducerError

	mu     sync.Mutex
	got    []*sarama.ProducerMessage
	open   map[*sarama.ProducerMessage]bool
	closed bool
	done   sync.WaitGroup
	ending chan struct{} // if not nil, AsyncClose waits until it is closed
	taking chan struct{} // takes the next message when it can receive; nil: at once
}

func newFakeAsync() *fakeAsync {
	p := &fakeAsync{
		input:     make(chan *sarama.ProducerMessage),
		successes: make(chan *sarama.ProducerMessage),
		errors:    make(chan *sarama.ProducerError),
		open:      map[*sarama.ProducerMessage]bool{},
	}
	p.done.Go(func() {
		for m := range p.input {
			if p.taking != nil {
				<-p.taking
			}
			p.mu.Lock()
			p.got = append(p.got, m)
			p.open[m] = true
			p.mu.Unlock()
		}
	})
	return p
}

func (p *fakeAsync) Input() chan<- *sarama.ProducerMessage     { return p.input }
func (p *fakeAsync) Successes() <-chan *sarama.ProducerMessage { return p.successes }
func (p *fakeAsync) Errors() <-chan *sarama.ProducerError      { return p.errors }

// AsyncClose fails what is open, as Sarama does.
func (p *fakeAsync) AsyncClose() {
	close(p.input)
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	go func() {
		p.done.Wait()
		if p.ending != nil {
			<-p.ending
		}
		for _, m := range p.messages() {
			p.fail(m, sarama.ErrShuttingDown)
		}
		close(p.successes)
		close(p.errors)
	}()
}

func (p *fakeAsync) messages() []*sarama.ProducerMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

func (p *fakeAsync) take(m *sarama.ProducerMessage) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := p.open[m]
	delete(p.open, m)
	return open
}

func (p *fakeAsync) ack(m *sarama.ProducerMessage) {
	if p.take(m) {
		m.Offset = 1000
		p.successes <- m
	}
}

func (p *fakeAsync) fail(m *sarama.ProducerMessage, err error) {
	if p.take(m) {
		p.errors <- &sarama.ProducerError{Msg: m, Err: err}
	}
}

// byFirstByte puts a message where the first byte of its key says.
func byFirstByte(key []byte, n int32) int32 { return int32(key[0]-'0') % n }

// A rig is a Producer on fakes.
type rig struct {
	*Producer
	client   *fakeClient
	mu       sync.Mutex
	started  []*fakeAsync
	startErr error
	starts   int           // attempts to start one
	starting chan struct{} // if not nil, an AsyncProducer starts when it is closed
}

// newRig starts one with so many partitions; 0: nothing is known of them.
func newRig(t *testing.T, partitions int32, change func(*Producer)) *rig {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Producer.MaxMessageBytes = 10_000
	r := &rig{client: &fakeClient{err: sarama.ErrOutOfBrokers}}
	r.Producer = newUnstarted(Config{Topic: "events", Sarama: cfg, Hash: byFirstByte})
	if partitions > 0 {
		r.client.set(upTo(partitions), upTo(partitions), nil)
	}
	if change != nil {
		change(r.Producer)
	}
	r.run(r.client, func(c sarama.Client) (sarama.AsyncProducer, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.starting != nil {
			<-r.starting
		}
		r.starts++
		if r.startErr != nil {
			return nil, r.startErr
		}
		p := newFakeAsync()
		r.started = append(r.started, p)
		return p, nil
	})
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// seen is the client as AsyncProducer sees it.
func (r *rig) seen() client { return client{r.client, r.metadata} }

func upTo(n int32) []int32 {
	var ids []int32
	for i := range n {
		ids = append(ids, i)
	}
	return ids
}

// A group is a Group that notes how its messages end.
type group struct {
	producer.Group
	mu      sync.Mutex
	results []producer.Result
	times   []int
}

func newGroup(key string, values ...string) *group {
	g := &group{results: make([]producer.Result, len(values)), times: make([]int, len(values))}
	for _, v := range values {
		m := producer.Message{Value: []byte(v)}
		if key != "" {
			m.Key = []byte(key)
		}
		g.Messages = append(g.Messages, m)
	}
	g.Owner = g
	return g
}

func (g *group) Settle(i int, r producer.Result) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.results[i] = r
	g.times[i]++
}

func (g *group) all() []producer.Result {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]producer.Result(nil), g.results...)
}

func (g *group) settled() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.times {
		n += t
	}
	return n
}

// values are those that a producer got.
func values(t *testing.T, p *fakeAsync) []string {
	t.Helper()
	var list []string
	for _, m := range p.messages() {
		v, err := m.Value.Encode()
		require.NoError(t, err)
		list = append(list, string(v))
	}
	return list
}
