package engine

import "github.com/IBM/sarama"

// A verdict is what a broker's answer means for a bundle.
type verdict int8

const (
	// again: it may have been written, and is tried again.
	again verdict = iota

	// elsewhere: again, but the leader may be another one. Kafka answers so also
	// after writing: a leader that is replaced while it waits for its followers.
	elsewhere

	written

	// notYet: it was certainly not written, and is tried again.
	notYet

	// outOfStep: it was certainly not written now, since its number or its epoch
	// was not the one that was due.
	outOfStep

	// refused: certainly not written, and for the sake of a message in it.
	refused

	// refusedWhole: certainly not written, and no message of it ever will be.
	refusedWhole
)

// judge is the verdict for an error code of a produce response.
//
// What Kafka checks before it writes is certain: rights, then the number of
// replicas, then the records, then the sequence (ReplicaManager and UnifiedLog
// of Kafka 3.9). What has no case here is taken for open and passing.
func judge(code sarama.KError) verdict {
	switch code {
	case sarama.ErrNoError,
		sarama.ErrDuplicateSequenceNumber: // an earlier attempt was written
		return written
	case sarama.ErrNotLeaderForPartition,
		sarama.ErrLeaderNotAvailable,
		sarama.ErrUnknownTopicOrPartition,
		sarama.ErrFencedLeaderEpoch,
		sarama.ErrUnknownLeaderEpoch,
		sarama.ErrReplicaNotAvailable,
		sarama.ErrKafkaStorageError:
		return elsewhere
	case sarama.ErrNotEnoughReplicas,
		sarama.ErrTopicAuthorizationFailed,
		sarama.ErrClusterAuthorizationFailed,
		sarama.ErrTransactionalIDAuthorizationFailed,
		sarama.ErrUnsupportedCompressionType,
		sarama.ErrThrottlingQuotaExceeded:
		return notYet
	case sarama.ErrOutOfOrderSequenceNumber,
		sarama.ErrUnknownProducerID,
		sarama.ErrInvalidProducerEpoch,
		sarama.ErrProducerFenced,
		sarama.ErrInvalidProducerIDMapping:
		return outOfStep
	case sarama.ErrMessageSizeTooLarge,
		sarama.ErrMessageSetSizeTooLarge,
		sarama.ErrInvalidRecord,
		sarama.ErrInvalidTimestamp:
		return refused
	case sarama.ErrInvalidTopic,
		sarama.ErrInvalidRequiredAcks,
		sarama.ErrUnsupportedSASLMechanism,
		sarama.ErrUnsupportedVersion,
		sarama.ErrInvalidRequest,
		sarama.ErrUnsupportedForMessageFormat,
		sarama.ErrPolicyViolation:
		return refusedWhole
	default:
		return again
	}
}
