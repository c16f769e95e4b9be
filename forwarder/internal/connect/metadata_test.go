package connect

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
)

// TestMetadataRequest: a topic whose name is misspelt must not be created.
func TestMetadataRequest(t *testing.T) {
	for _, withRights := range []bool{false, true} {
		req := metadataRequest(sarama.V2_3_0_0, "events", withRights)
		assert.False(t, req.AllowAutoTopicCreation)
		assert.Equal(t, []string{"events"}, req.Topics)
		assert.Equal(t, withRights, req.IncludeTopicAuthorizedOperations)
		assert.False(t, req.IncludeClusterAuthorizedOperations)
		assert.GreaterOrEqual(t, req.Version, int16(4), "older requests cannot forbid it")
	}
}

// TestLeader: an error of a partition means that its leader takes no writes,
// unless it is about another replica.
func TestLeader(t *testing.T) {
	for code, want := range map[sarama.KError]int32{
		sarama.ErrNoError:               3,
		sarama.ErrReplicaNotAvailable:   3,
		sarama.ErrLeaderNotAvailable:    -1,
		sarama.ErrListenerNotFound:      -1,
		sarama.ErrKafkaStorageError:     -1,
		sarama.ErrNotLeaderForPartition: -1,
	} {
		assert.Equal(t, want, Leader(&sarama.PartitionMetadata{Leader: 3, Err: code}), code.Error())
	}
	assert.EqualValues(t, -1, Leader(&sarama.PartitionMetadata{Leader: -1}))
}
