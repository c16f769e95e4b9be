package engine

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestViewOf(t *testing.T) {
	answer := &sarama.MetadataResponse{Version: 11}
	answer.AddBroker("b1:9093", 1)
	answer.AddBroker("b2:9093", 2)
	answer.AddTopicPartition("events", 2, 2, nil, nil, nil, sarama.ErrNoError)
	answer.AddTopicPartition("events", 0, 1, nil, nil, nil, sarama.ErrReplicaNotAvailable)
	answer.AddTopicPartition("events", 3, 1, nil, nil, nil, sarama.ErrLeaderNotAvailable)
	v, err := viewOf("events", answer)
	require.NoError(t, err)
	assert.Equal(t, []int32{1, noLeader, 2, noLeader}, v.leaders, "one is not mentioned, another one has no leader")
	assert.Equal(t, map[int32]string{1: "b1:9093", 2: "b2:9093"}, v.brokers)

	_, err = viewOf("other", answer)
	assert.ErrorIs(t, err, sarama.ErrUnknownTopicOrPartition)

	for _, code := range []sarama.KError{sarama.ErrUnknownTopicOrPartition, sarama.ErrTopicAuthorizationFailed} {
		refusal := &sarama.MetadataResponse{Version: 11}
		refusal.AddTopic("events", code)
		_, err = viewOf("events", refusal)
		assert.ErrorIs(t, err, code)
	}
}
