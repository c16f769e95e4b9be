package engine

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// A broker is a [conn] to a real one.
type broker struct {
	topic   string
	version sarama.KafkaVersion
	timeout time.Duration
	broker  *sarama.Broker

	mu      sync.Mutex
	raw     net.Conn
	aborted bool
}

// handOver gives Sarama the connection that is there already.
type handOver struct{ conn net.Conn }

// Dial implements Sarama's seam, proxy.Dialer.
func (h handOver) Dial(string, string) (net.Conn, error) { return h.conn, nil }

// take makes raw the connection that abort closes.
func (b *broker) take(raw net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.aborted {
		_ = deliver.Bottom(raw).Close() // nobody has used it
		return false
	}
	b.raw = raw
	return true
}

// abort implements [conn].
func (b *broker) abort() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.aborted = true
	if b.raw != nil {
		_ = deliver.Bottom(b.raw).Close() // what matters on it is open anyway
	}
}

// close implements [conn].
func (b *broker) close() { _ = b.broker.Close() }

// produceVersion has what the engine wants to know: the leader's successor
// (KIP-951) and the messages to blame (KIP-467). Sarama goes down to what the
// broker speaks.
const produceVersion = 10

// produce implements [conn].
func (b *broker) produce(r *request, answered func(*sarama.ProduceResponse, error)) error {
	req := &sarama.ProduceRequest{
		RequiredAcks: sarama.WaitForAll,
		Timeout:      int32(b.timeout / time.Millisecond), //nolint:gosec // 10 seconds
		Version:      produceVersion,
	}
	for _, p := range r.parts {
		req.AddBatch(b.topic, p.partition, p.records)
	}
	return b.broker.AsyncProduce(req, answered)
}

// metadata implements [conn].
func (b *broker) metadata() (view, error) {
	req := sarama.NewMetadataRequest(b.version, []string{b.topic})
	req.AllowAutoTopicCreation = false
	answer, err := b.broker.GetMetadata(req)
	if err != nil {
		return view{}, err
	}
	return viewOf(b.topic, answer)
}

// viewOf reads a broker's answer.
func viewOf(topic string, answer *sarama.MetadataResponse) (view, error) {
	i := slices.IndexFunc(answer.Topics, func(t *sarama.TopicMetadata) bool { return t.Name == topic })
	if i < 0 {
		return view{}, fmt.Errorf("the answer does not mention the topic: %w", sarama.ErrUnknownTopicOrPartition)
	}
	t := answer.Topics[i]
	if t.Err != sarama.ErrNoError && t.Err != sarama.ErrLeaderNotAvailable {
		return view{}, t.Err
	}
	v := view{topicID: t.Uuid, brokers: make(map[int32]string, len(answer.Brokers))}
	for _, known := range answer.Brokers {
		v.brokers[known.ID()] = known.Addr()
	}
	for _, p := range t.Partitions {
		for int(p.ID) >= len(v.leaders) {
			v.leaders = append(v.leaders, noLeader)
		}
		if p.Err == sarama.ErrNoError || p.Err == sarama.ErrReplicaNotAvailable { // that one is about another replica
			v.leaders[p.ID] = p.Leader
		}
	}
	if len(v.leaders) == 0 {
		return view{}, sarama.ErrUnknownTopicOrPartition
	}
	return v, nil
}

// producerID implements [conn].
func (b *broker) producerID() (int64, error) {
	answer, err := b.broker.InitProducerID(&sarama.InitProducerIDRequest{
		Version: producerIDVersion, ProducerID: noProducer, ProducerEpoch: -1,
	})
	switch {
	case err != nil:
		return noProducer, err
	case answer.Err != sarama.ErrNoError:
		return noProducer, answer.Err
	default:
		return answer.ProducerID, nil
	}
}

const producerIDVersion = 4
