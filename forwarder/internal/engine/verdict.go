package engine

import (
	"fmt"

	"github.com/IBM/sarama"
)

// A verdict is what a broker's answer means for a record batch.
type verdict int8

const (
	// retryUnknown: it may have been written, and is retried.
	retryUnknown verdict = iota

	// retryOtherLeader: as retryUnknown, but the leader may be another broker.
	// Kafka answers so also after writing: a leader that is replaced while it
	// waits for its followers.
	retryOtherLeader

	written

	// retryNotWritten: it was certainly not written, and is retried.
	retryNotWritten

	// sequenceLost: it was certainly not written by this attempt, since its
	// sequence number or its epoch was not the expected one.
	sequenceLost

	// rejected: certainly not written, because of a message in it.
	rejected

	// batchRejected: certainly not written, and no message of it ever will be.
	batchRejected
)

// causeFor returns why a partition waits whose record batch was refused with code.
// Brokers refuse a codec that they do not know with a code of its own, and those
// before Kafka 2.1 with one that says nothing.
func causeFor(code sarama.KError, codec sarama.CompressionCodec) error {
	switch {
	case code == sarama.ErrUnsupportedCompressionType:
		return fmt.Errorf("the broker does not take records compressed with %s: set delivery.compression to none or gzip: %w", codec, code)
	case code == sarama.ErrUnknown && codec != sarama.CompressionNone:
		return fmt.Errorf("the broker fails to write records compressed with %s: "+
			"set delivery.compression to none or gzip if it does not take that: %w", codec, code)
	default:
		return code
	}
}

// mayHaveMoved reports whether a broker that answers with this code, for so many
// times in a row, may lead the partition no more without knowing it: one that is
// cut off from the controllers waits in vain for its followers.
func mayHaveMoved(code sarama.KError, failures int) bool {
	switch code {
	case sarama.ErrRequestTimedOut:
		return true
	case sarama.ErrNotEnoughReplicas,
		sarama.ErrNotEnoughReplicasAfterAppend,
		sarama.ErrNetworkException,
		sarama.ErrUnknown:
		return failures > 1
	default:
		return false
	}
}

// verdictFor returns the verdict for an error code of a produce response.
//
// Certain is what Kafka checks before it writes: rights, then the number of
// replicas, then the records, then the sequence (ReplicaManager and UnifiedLog
// of Kafka 3.9). A code without a case is taken for uncertain and temporary.
func verdictFor(code sarama.KError) verdict {
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
		return retryOtherLeader
	case sarama.ErrNotEnoughReplicas,
		sarama.ErrTopicAuthorizationFailed,
		sarama.ErrClusterAuthorizationFailed,
		sarama.ErrTransactionalIDAuthorizationFailed,
		sarama.ErrUnsupportedCompressionType,
		sarama.ErrThrottlingQuotaExceeded:
		return retryNotWritten
	case sarama.ErrOutOfOrderSequenceNumber,
		sarama.ErrUnknownProducerID,
		sarama.ErrInvalidProducerEpoch,
		sarama.ErrProducerFenced,
		sarama.ErrInvalidProducerIDMapping:
		return sequenceLost
	case sarama.ErrMessageSizeTooLarge,
		sarama.ErrMessageSetSizeTooLarge,
		sarama.ErrInvalidRecord,
		sarama.ErrInvalidTimestamp:
		return rejected
	case sarama.ErrInvalidTopic,
		sarama.ErrInvalidRequiredAcks,
		sarama.ErrUnsupportedSASLMechanism,
		sarama.ErrUnsupportedVersion,
		sarama.ErrInvalidRequest,
		sarama.ErrUnsupportedForMessageFormat,
		sarama.ErrPolicyViolation:
		return batchRejected
	default:
		return retryUnknown
	}
}
