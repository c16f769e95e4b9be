package engine

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
)

func TestJudge(t *testing.T) {
	for code, want := range map[sarama.KError]verdict{
		sarama.ErrNoError:                  written,
		sarama.ErrDuplicateSequenceNumber:  written,
		sarama.ErrNotLeaderForPartition:    elsewhere,
		sarama.ErrUnknownTopicOrPartition:  elsewhere,
		sarama.ErrFencedLeaderEpoch:        elsewhere,
		sarama.ErrKafkaStorageError:        elsewhere,
		sarama.ErrNotEnoughReplicas:        notYet,
		sarama.ErrTopicAuthorizationFailed: notYet,
		sarama.ErrOutOfOrderSequenceNumber: outOfStep,
		sarama.ErrInvalidProducerEpoch:     outOfStep,
		sarama.ErrUnknownProducerID:        outOfStep,
		sarama.ErrMessageSizeTooLarge:      refused,
		sarama.ErrInvalidRecord:            refused,
		sarama.ErrInvalidTimestamp:         refused,
		sarama.ErrInvalidTopic:             refusedWhole,
		sarama.ErrPolicyViolation:          refusedWhole,

		// These leave open whether it was written.
		sarama.ErrRequestTimedOut:              again,
		sarama.ErrNotEnoughReplicasAfterAppend: again,
		sarama.ErrNetworkException:             again,
		sarama.ErrUnknown:                      again,
		sarama.KError(12345):                   again,
	} {
		assert.Equal(t, want, judge(code), "%v", code)
	}
}
