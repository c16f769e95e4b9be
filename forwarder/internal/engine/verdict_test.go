package engine

import (
	"io"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
)

func TestVerdictFor(t *testing.T) {
	for code, want := range map[sarama.KError]verdict{
		sarama.ErrNoError:                  written,
		sarama.ErrDuplicateSequenceNumber:  written,
		sarama.ErrNotLeaderForPartition:    retryOtherLeader,
		sarama.ErrUnknownTopicOrPartition:  retryOtherLeader,
		sarama.ErrFencedLeaderEpoch:        retryOtherLeader,
		sarama.ErrKafkaStorageError:        retryOtherLeader,
		sarama.ErrNotEnoughReplicas:        retryNotWritten,
		sarama.ErrTopicAuthorizationFailed: retryNotWritten,
		sarama.ErrOutOfOrderSequenceNumber: sequenceLost,
		sarama.ErrInvalidProducerEpoch:     sequenceLost,
		sarama.ErrUnknownProducerID:        sequenceLost,
		sarama.ErrMessageSizeTooLarge:      rejected,
		sarama.ErrInvalidRecord:            rejected,
		sarama.ErrInvalidTimestamp:         rejected,
		sarama.ErrInvalidTopic:             batchRejected,
		sarama.ErrPolicyViolation:          batchRejected,

		// These leave open whether it was written.
		sarama.ErrRequestTimedOut:              retryUnknown,
		sarama.ErrNotEnoughReplicasAfterAppend: retryUnknown,
		sarama.ErrNetworkException:             retryUnknown,
		sarama.ErrUnknown:                      retryUnknown,
		sarama.KError(12345):                   retryUnknown,
	} {
		assert.Equal(t, want, verdictFor(code), "%v", code)
	}
}

// A codec that the broker does not take is named, with the setting.
func TestCauseFor(t *testing.T) {
	for _, code := range []sarama.KError{sarama.ErrUnsupportedCompressionType, sarama.ErrUnknown} {
		err := causeFor(code, sarama.CompressionZSTD)
		assert.ErrorIs(t, err, code)
		assert.ErrorContains(t, err, "zstd")
		assert.ErrorContains(t, err, "delivery.compression")
	}
	assert.Equal(t, error(sarama.ErrUnknown), causeFor(sarama.ErrUnknown, sarama.CompressionNone))
	assert.Equal(t, error(sarama.ErrNotEnoughReplicas), causeFor(sarama.ErrNotEnoughReplicas, sarama.CompressionZSTD))
}

// Brokers that do not know producer ids are too old.
func TestProducerIDError(t *testing.T) {
	for _, err := range []error{sarama.ErrUnsupportedVersion, io.EOF} {
		assert.EqualError(t, producerIDError(err), "getting a producer id, which needs Kafka 0.11 or newer: "+err.Error())
		assert.ErrorIs(t, producerIDError(err), err)
	}
	assert.NotContains(t, producerIDError(sarama.ErrClusterAuthorizationFailed).Error(), "0.11")
}
