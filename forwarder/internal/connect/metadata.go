package connect

import (
	"fmt"
	"slices"

	"github.com/IBM/sarama"
)

// Metadata asks the broker for one topic, and does not create it. If withRights,
// the broker is asked what the connection's user may do with it, too (KIP-430).
func (b *Broker) Metadata(topic string, withRights bool) (*sarama.MetadataResponse, error) {
	return b.Sarama().GetMetadata(metadataRequest(b.version, topic, withRights))
}

// metadataRequest asks for one topic. Brokers create a topic that is asked for,
// with their own number of partitions, unless the request forbids it (KIP-4).
func metadataRequest(version sarama.KafkaVersion, topic string, withRights bool) *sarama.MetadataRequest {
	req := sarama.NewMetadataRequest(version, []string{topic})
	req.AllowAutoTopicCreation = false
	req.IncludeTopicAuthorizedOperations = withRights
	return req
}

// ProducerID gets a new producer id, with which record batches are numbered. It is
// not negative.
func (b *Broker) ProducerID() (int64, error) {
	const none, version = -1, 4
	answer, err := b.Sarama().InitProducerID(&sarama.InitProducerIDRequest{Version: version, ProducerID: none, ProducerEpoch: none})
	switch {
	case err != nil:
		return none, err
	case answer.Err != sarama.ErrNoError:
		return none, answer.Err
	case answer.ProducerID < 0:
		return none, fmt.Errorf("the broker gave out producer id %d", answer.ProducerID)
	default:
		return answer.ProducerID, nil
	}
}

// TopicIn returns what a broker's answer says of a topic; nil: nothing.
func TopicIn(answer *sarama.MetadataResponse, name string) *sarama.TopicMetadata {
	i := slices.IndexFunc(answer.Topics, func(t *sarama.TopicMetadata) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return answer.Topics[i]
}

// Leader returns the id of the broker that takes writes to the partition, -1
// when there is none.
func Leader(p *sarama.PartitionMetadata) int32 {
	if p.Err == sarama.ErrNoError || p.Err == sarama.ErrReplicaNotAvailable { // that one is about another replica
		return p.Leader
	}
	return -1
}

// Addrs returns the brokers that an answer lists, by id, with the addresses that
// they advertise.
func Addrs(answer *sarama.MetadataResponse) map[int32]string {
	addrs := make(map[int32]string, len(answer.Brokers))
	for _, b := range answer.Brokers {
		addrs[b.ID()] = b.Addr()
	}
	return addrs
}
