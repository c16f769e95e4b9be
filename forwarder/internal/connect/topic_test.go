package connect

import (
	"math"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
)

func partitionMetadata(id, leader int32, code sarama.KError, inSync int) *sarama.PartitionMetadata {
	return &sarama.PartitionMetadata{ID: id, Leader: leader, Err: code, Replicas: []int32{1, 2, 3}, Isr: []int32{1, 2, 3}[:inSync]}
}

func TestPlacement(t *testing.T) {
	var answer sarama.MetadataResponse
	answer.AddBroker("b1:9093", 1)
	answer.AddBroker("b2:9093", 2)
	answer.AddBroker("b3:9093", 3)
	leaders, waiting := groupByLeader(&sarama.TopicMetadata{Name: "events", Partitions: []*sarama.PartitionMetadata{
		partitionMetadata(4, 2, sarama.ErrNoError, 3),
		partitionMetadata(0, 2, sarama.ErrReplicaNotAvailable, 3), // of another replica
		partitionMetadata(1, 1, sarama.ErrNoError, 1),
		partitionMetadata(2, -1, sarama.ErrLeaderNotAvailable, 3),
		partitionMetadata(3, 9, sarama.ErrNoError, 3),          // a broker that is not listed
		partitionMetadata(5, 0, sarama.ErrListenerNotFound, 3), // no leader on this listener
	}}, Addrs(&answer))
	assert.Equal(t, []leadingBroker{{1, "b1:9093", []int32{1}}, {2, "b2:9093", []int32{0, 4}}}, leaders)
	texts := map[int32]string{}
	for p, err := range waiting {
		texts[p] = err.Error()
	}
	assert.Equal(t, map[int32]string{
		1: `partition 1 of topic "events" has 1 of 3 replicas in sync: Kafka refuses writes below min.insync.replicas`,
		2: `partition 2 of topic "events" has no leader: ` + sarama.ErrLeaderNotAvailable.Error(),
		3: `partition 3 of topic "events" has no leader: ` + sarama.ErrLeaderNotAvailable.Error(),
		5: `partition 5 of topic "events" has no leader: ` + sarama.ErrListenerNotFound.Error(),
	}, texts)
	assert.Equal(t, "broker 1, leader of partition 1", leaders[0].String())
	assert.Equal(t, "broker 2, leader of partitions 0, 4", leaders[1].String())
	assert.Equal(t, "broker 7, leader of partitions 0, 1, 2, 3, 4 and 3 more",
		leadingBroker{id: 7, partitions: []int32{0, 1, 2, 3, 4, 5, 6, 7}}.String())

	d := Diagnosis{Partitions: waiting}
	assert.ErrorIs(t, d.Of(2), sarama.ErrLeaderNotAvailable)
	assert.NoError(t, d.Of(4))
	assert.NoError(t, d.Of(-1))
	assert.ErrorIs(t, Diagnosis{Err: errNoLeaderYet}.Of(4), errNoLeaderYet)
}

// TestCheckTopic: rights count only where the broker lists them.
func TestCheckTopic(t *testing.T) {
	p := probeOf(t, somewhere, Options{})
	const read = 1 << 3
	for name, tt := range map[string]struct {
		version int16
		ops     int32
		refused bool
	}{
		"may write":               {8, opDescribe | opWrite, false},
		"the bits of Kafka":       {8, 0b1_0001_0000, false}, // DESCRIBE is 8, WRITE is 4
		"other bits":              {8, 0b1_1110_1111, true},
		"may read":                {8, opDescribe | read, true},
		"may describe only":       {11, opDescribe, true},
		"broker with an older":    {7, opDescribe, false},
		"broker that lists none":  {8, math.MinInt32, false},
		"broker that says zero":   {8, 0, false},
		"DESCRIBE is not listed":  {8, read, false},
		"everything (no ACLs)":    {8, 0b1101_1111_1000, false},
		"everything and the sign": {8, math.MinInt32 | opDescribe | opWrite, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := p.checkTopic("b1:9093", identity{}, &sarama.TopicMetadata{Version: tt.version, TopicAuthorizedOperations: tt.ops})
			assert.Equal(t, tt.refused, isRefusal(err))
			assert.Equal(t, tt.refused, err != nil)
		})
	}
}
