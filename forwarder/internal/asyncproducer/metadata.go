package asyncproducer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/backoff"
	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// metadata is the topic's, as the brokers told it last. One goroutine asks, one
// attempt at a time and as long as it takes, with pauses that grow while the
// answers do not help.
type metadata struct {
	ctx context.Context
	ask func() (partitions, error) // makes one attempt

	mu      sync.Mutex
	changed *sync.Cond
	last    partitions
	wanted  uint64 // counts the requests for newer metadata
	have    uint64 // the value of wanted when the last metadata was asked for
	failure error  // of the last attempt
}

// partitions are the topic's.
type partitions struct {
	all     []int32 // 0, 1, 2 ...
	leading []int32 // those that have a leader
}

func newMetadata(ctx context.Context, stock sarama.Client, topic string) *metadata {
	m := &metadata{ctx: ctx, ask: func() (partitions, error) { return askClient(stock, topic) }, wanted: 1}
	m.changed = sync.NewCond(&m.mu)
	context.AfterFunc(ctx, func() { m.request() }) // wakes all that wait
	return m
}

func askClient(stock sarama.Client, topic string) (partitions, error) {
	err := stock.RefreshMetadata(topic)
	if err != nil && !errors.Is(err, sarama.ErrLeaderNotAvailable) { // that one comes with the others' leaders
		return partitions{}, err
	}
	all, err := stock.Partitions(topic)
	if err != nil {
		return partitions{}, err
	}
	if n := len(all); n == 0 || all[0] != 0 || int(all[n-1]) != n-1 {
		return partitions{}, fmt.Errorf("%d partitions that are not numbered from 0 on: %w", n, sarama.ErrUnknownTopicOrPartition)
	}
	leading, err := stock.WritablePartitions(topic)
	if err != nil && !errors.Is(err, sarama.ErrLeaderNotAvailable) { // all of them wait for an election
		return partitions{}, err
	}
	return partitions{all, leading}, nil
}

// keepFresh asks when newer metadata is requested, and now and then, until
// Close.
func (m *metadata) keepFresh() {
	for failures := 0; m.ctx.Err() == nil; m.awaitRequest() {
		failures++
		if m.refresh() {
			failures = 0
		}
		ctxwait.Sleep(m.ctx, backoff.Exponential(minBackoff, maxRefreshBackoff, failures))
	}
}

// refresh makes one attempt. It reports whether every partition has a leader.
func (m *metadata) refresh() bool {
	asked := m.mark()
	answer, err := m.ask()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure = err; err == nil {
		m.last, m.have = answer, asked
	}
	m.changed.Broadcast()
	return err == nil && len(answer.leading) == len(answer.all)
}

func (m *metadata) awaitRequest() {
	defer time.AfterFunc(producer.MetadataMaxAge, func() { m.request() }).Stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.have >= m.wanted {
		m.changed.Wait()
	}
}

// request asks for newer metadata. It does not block; the result is for await.
func (m *metadata) request() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted++
	m.changed.Broadcast()
	return m.wanted
}

// mark returns how new the metadata was asked to be.
func (m *metadata) mark() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wanted
}

// await waits for metadata as new as need says. It fails only at Close.
func (m *metadata) await(need uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.ctx.Err() == nil {
		if m.have >= need {
			return nil
		}
		m.changed.Wait()
	}
	return producer.ErrClosed
}

func (m *metadata) known() partitions {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// cause returns why messages for a partition wait, as far as metadata tells.
func (m *metadata) cause(number int32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure == nil && number != producer.NoPartition && !slices.Contains(m.last.leading, number) {
		return fmt.Errorf("partition %d: %w", number, sarama.ErrLeaderNotAvailable)
	}
	return m.failure
}
