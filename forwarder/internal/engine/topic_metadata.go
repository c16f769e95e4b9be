package engine

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
)

// errBadMetadata refuses an answer that cannot be true. Another broker is asked.
var errBadMetadata = errors.New("metadata that cannot be true")

// topicMetadata is what a broker says of the topic.
type topicMetadata struct {
	topicID [16]byte         // zero: the broker does not tell, as before Kafka 2.8
	leaders []int32          // broker ids by partition, noLeader where there is none
	epochs  []int32          // of the leaders, by partition; noEpoch where the broker does not tell
	brokers map[int32]string // addresses by id
}

const (
	noLeader = int32(-1)
	noEpoch  = int32(-1)
)

// readTopicMetadata reads a broker's answer.
func readTopicMetadata(topic string, answer *sarama.MetadataResponse) (topicMetadata, error) {
	t := connect.TopicIn(answer, topic)
	if t == nil {
		return topicMetadata{}, fmt.Errorf("the answer does not mention the topic: %w", sarama.ErrUnknownTopicOrPartition)
	}
	if t.Err != sarama.ErrNoError && t.Err != sarama.ErrLeaderNotAvailable {
		return topicMetadata{}, t.Err
	}
	m := topicMetadata{topicID: t.Uuid, brokers: connect.Addrs(answer)}
	count := len(t.Partitions)
	if count == 0 {
		return topicMetadata{}, sarama.ErrUnknownTopicOrPartition
	}
	m.leaders, m.epochs = make([]int32, count), make([]int32, count)
	named := make([]bool, count)
	for _, p := range t.Partitions {
		if p.ID < 0 || int(p.ID) >= count || named[p.ID] {
			return topicMetadata{}, fmt.Errorf("the answer lists %d partitions, but among them partition %d: %w", count, p.ID, errBadMetadata)
		}
		named[p.ID] = true
		m.leaders[p.ID], m.epochs[p.ID] = connect.Leader(p), p.LeaderEpoch
	}
	return m, nil
}
