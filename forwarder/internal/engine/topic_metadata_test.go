package engine

import (
	"math"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadTopicMetadata(t *testing.T) {
	answer := &sarama.MetadataResponse{Version: 11}
	answer.AddBroker("b1:9093", 1)
	answer.AddBroker("b2:9093", 2)
	answer.AddTopicPartition("events", 2, 2, nil, nil, nil, sarama.ErrNoError)
	answer.AddTopicPartition("events", 0, 1, nil, nil, nil, sarama.ErrReplicaNotAvailable)
	answer.AddTopicPartition("events", 1, 1, nil, nil, nil, sarama.ErrLeaderNotAvailable)
	v, err := readTopicMetadata("events", answer)
	require.NoError(t, err)
	assert.Equal(t, []int32{1, noLeader, 2}, v.leaders, "one has no leader")
	assert.Equal(t, map[int32]string{1: "b1:9093", 2: "b2:9093"}, v.brokers)

	_, err = readTopicMetadata("other", answer)
	assert.ErrorIs(t, err, sarama.ErrUnknownTopicOrPartition)

	for _, code := range []sarama.KError{sarama.ErrUnknownTopicOrPartition, sarama.ErrTopicAuthorizationFailed} {
		refusal := &sarama.MetadataResponse{Version: 11}
		refusal.AddTopic("events", code)
		_, err = readTopicMetadata("events", refusal)
		assert.ErrorIs(t, err, code)
	}
}

// Partitions are numbered from 0 without a gap. An answer that says otherwise is
// refused: a number may be anything.
func TestReadTopicMetadata_impossible(t *testing.T) {
	for name, ids := range map[string][]int32{
		"negative":  {-1},
		"too large": {5_000_000},
		"a gap":     {0, 2},
		"twice":     {0, 0},
		"smallest":  {math.MinInt32, 0},
	} {
		t.Run(name, func(t *testing.T) {
			topic := &sarama.TopicMetadata{Name: "events"}
			for _, id := range ids {
				topic.Partitions = append(topic.Partitions, &sarama.PartitionMetadata{ID: id})
			}
			_, err := readTopicMetadata("events", &sarama.MetadataResponse{Topics: []*sarama.TopicMetadata{topic}})
			assert.ErrorIs(t, err, errBadMetadata)
		})
	}
}
