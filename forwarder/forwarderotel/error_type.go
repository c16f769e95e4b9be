package forwarderotel

import (
	"context"
	"errors"
	"net"
	"strconv"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// errorType returns a word for an error that is fit for an attribute: the name of
// Kafka's error where there is one, otherwise what kind it is.
func errorType(err error) string {
	if errors.Is(err, spool.ErrFull) { // the error also says why a context has ended, and why delivery waits
		return "spool_full"
	}
	if e, ok := errors.AsType[sarama.KError](err); ok {
		return kafkaError(e)
	}
	for _, kind := range kinds {
		if kind.is(err) {
			return kind.name
		}
	}
	return "_OTHER" // as OpenTelemetry has it for what has no name
}

// kinds are tried in this order.
//
//nolint:gochecknoglobals // constants in all but name
var kinds = [...]struct {
	name string
	is   func(error) bool
}{
	{"closed", isError(forwarder.ErrClosed)},
	{"timeout", isError(context.DeadlineExceeded)},
	{"canceled", isError(context.Canceled)},
	{"filter", isType[*forwarder.FilterError]},
	{"headers", isType[*forwarder.HeaderError]},
	{"too_large", isType[*forwarder.TooLargeError]},
	{"network", isType[*net.OpError]},
}

func isError(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isType[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// kafkaError returns the name of an error in Kafka's table
// (https://kafka.apache.org/protocol.html#protocol_error_codes), which Sarama has
// as sentences only.
func kafkaError(e sarama.KError) string {
	if name, ok := kafkaErrors[e]; ok {
		return name
	}
	return "KAFKA_" + strconv.Itoa(int(e))
}

// kafkaErrors has those that a producer meets. Sarama has no name for two of them.
//
//nolint:gochecknoglobals // constants in all but name
var kafkaErrors = map[sarama.KError]string{
	sarama.ErrUnknown:                            "UNKNOWN_SERVER_ERROR",
	sarama.ErrInvalidMessage:                     "CORRUPT_MESSAGE",
	sarama.ErrUnknownTopicOrPartition:            "UNKNOWN_TOPIC_OR_PARTITION",
	sarama.ErrLeaderNotAvailable:                 "LEADER_NOT_AVAILABLE",
	sarama.ErrNotLeaderForPartition:              "NOT_LEADER_OR_FOLLOWER",
	sarama.ErrRequestTimedOut:                    "REQUEST_TIMED_OUT",
	sarama.ErrBrokerNotAvailable:                 "BROKER_NOT_AVAILABLE",
	sarama.ErrReplicaNotAvailable:                "REPLICA_NOT_AVAILABLE",
	sarama.ErrMessageSizeTooLarge:                "MESSAGE_TOO_LARGE",
	sarama.ErrNetworkException:                   "NETWORK_EXCEPTION",
	sarama.ErrInvalidTopic:                       "INVALID_TOPIC_EXCEPTION",
	sarama.ErrMessageSetSizeTooLarge:             "RECORD_LIST_TOO_LARGE",
	sarama.ErrNotEnoughReplicas:                  "NOT_ENOUGH_REPLICAS",
	sarama.ErrNotEnoughReplicasAfterAppend:       "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
	sarama.ErrInvalidRequiredAcks:                "INVALID_REQUIRED_ACKS",
	sarama.ErrTopicAuthorizationFailed:           "TOPIC_AUTHORIZATION_FAILED",
	sarama.ErrClusterAuthorizationFailed:         "CLUSTER_AUTHORIZATION_FAILED",
	sarama.ErrInvalidTimestamp:                   "INVALID_TIMESTAMP",
	sarama.ErrUnsupportedSASLMechanism:           "UNSUPPORTED_SASL_MECHANISM",
	sarama.ErrIllegalSASLState:                   "ILLEGAL_SASL_STATE",
	sarama.ErrUnsupportedVersion:                 "UNSUPPORTED_VERSION",
	sarama.ErrInvalidRequest:                     "INVALID_REQUEST",
	sarama.ErrUnsupportedForMessageFormat:        "UNSUPPORTED_FOR_MESSAGE_FORMAT",
	sarama.ErrPolicyViolation:                    "POLICY_VIOLATION",
	sarama.ErrOutOfOrderSequenceNumber:           "OUT_OF_ORDER_SEQUENCE_NUMBER",
	sarama.ErrDuplicateSequenceNumber:            "DUPLICATE_SEQUENCE_NUMBER",
	sarama.ErrInvalidProducerEpoch:               "INVALID_PRODUCER_EPOCH",
	sarama.ErrInvalidProducerIDMapping:           "INVALID_PRODUCER_ID_MAPPING",
	sarama.ErrTransactionalIDAuthorizationFailed: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
	sarama.ErrKafkaStorageError:                  "KAFKA_STORAGE_ERROR",
	sarama.ErrSASLAuthenticationFailed:           "SASL_AUTHENTICATION_FAILED",
	sarama.ErrUnknownProducerID:                  "UNKNOWN_PRODUCER_ID",
	sarama.ErrFencedLeaderEpoch:                  "FENCED_LEADER_EPOCH",
	sarama.ErrUnknownLeaderEpoch:                 "UNKNOWN_LEADER_EPOCH",
	sarama.ErrUnsupportedCompressionType:         "UNSUPPORTED_COMPRESSION_TYPE",
	sarama.ErrInvalidRecord:                      "INVALID_RECORD",
	sarama.ErrThrottlingQuotaExceeded:            "THROTTLING_QUOTA_EXCEEDED",
	sarama.ErrProducerFenced:                     "PRODUCER_FENCED",
	sarama.KError(100):                           "UNKNOWN_TOPIC_ID",
	sarama.KError(103):                           "INCONSISTENT_TOPIC_ID",
}
