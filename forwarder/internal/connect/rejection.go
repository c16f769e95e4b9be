package connect

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/settings"
)

// An explainedError is a broker's answer to a produce request, or to a request
// for a producer id, with what it means and what to do. Whether it is permanent,
// the answer says.
type explainedError struct {
	advice string
	err    error
}

func (e *explainedError) Error() string { return e.advice + ": " + e.err.Error() }
func (e *explainedError) Unwrap() error { return e.err }

// isExplained reports whether err says what to do already: one advice is enough.
func isExplained(err error) bool { return isA[*explainedError](err) || isA[*classedError](err) }

// ExplainDelivery adds to a broker's refusal of messages, for which delivery waits
// or has failed, whom it refuses and what to do. It returns other errors as they
// are, nil included. Its errors are one line.
func (p *Probe) ExplainDelivery(err error) error {
	cfg := p.latest.Load()
	if err == nil || cfg == nil || isExplained(err) {
		return singleLine(err)
	}
	err = withoutForeignText(err)
	code, answered := errors.AsType[sarama.KError](err)
	if !answered {
		return singleLine(err)
	}
	switch who := p.identityOf(cfg); code {
	case sarama.ErrTopicAuthorizationFailed:
		return refusef("the brokers do not let %s write to topic %s: grant it the operation WRITE: %w", who, quote(p.topic), err)
	case sarama.ErrClusterAuthorizationFailed:
		return refusef("the brokers do not let %s write idempotently: grant it the operation WRITE on topic %s, "+
			"and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster: %w", who, quote(p.topic), err)
	case sarama.ErrUnsupportedForMessageFormat, sarama.ErrUnsupportedCompressionType:
		return refusef("%s: %w", p.explainFormat(), err) // not permanent: a setting mends it
	}
	advice := p.adviceOn(code)
	if r, ok := errors.AsType[*RejectedError](err); ok && code == sarama.ErrInvalidTimestamp {
		if difference := r.clockDifference(); difference != "" {
			advice += "; " + difference
		}
	}
	if advice != "" {
		err = &explainedError{advice, err}
	}
	return singleLine(err)
}

// explainFormat is about the codec, where there is one, or the message format.
func (p *Probe) explainFormat() string {
	if p.delivery.Compression == settings.NoCompression {
		return fmt.Sprintf("topic %s does not take record batches of Kafka 0.11: "+
			"remove log.message.format.version from the brokers, and message.format.version from the topic", quote(p.topic))
	}
	return fmt.Sprintf("the brokers do not take %s on topic %s: set delivery.compression to none or gzip", p.delivery.Compression, quote(p.topic))
}

// adviceOn says what an error code for produced messages means, and what to do.
// "" stands for codes that no broker answers with.
func (p *Probe) adviceOn(code sarama.KError) string {
	topic, codec := quote(p.topic), p.delivery.Compression
	switch code {
	case sarama.ErrUnknown:
		advice := "the broker failed to write: its log says why"
		if codec != settings.NoCompression {
			advice += fmt.Sprintf("; if it cannot read %s, set delivery.compression to none or gzip", codec)
		}
		return advice
	case sarama.ErrMessageSizeTooLarge, sarama.ErrMessageSetSizeTooLarge:
		return fmt.Sprintf("topic %s does not take messages this large: raise the topic's max.message.bytes "+
			"(or the brokers' message.max.bytes), or lower delivery.max_message_bytes, which is %d", topic, p.delivery.MaxMessageBytes)
	case sarama.ErrInvalidTimestamp:
		return fmt.Sprintf("topic %s does not take the messages' timestamps: set this host's clock or the brokers', "+
			"or raise the topic's message.timestamp.after.max.ms and message.timestamp.before.max.ms", topic)
	case sarama.ErrInvalidRecord:
		return fmt.Sprintf("topic %s rejects a message: a compacted topic takes none without a key, and without a user id there is none; "+
			"for all else see the topic's settings", topic)
	case sarama.ErrPolicyViolation:
		return fmt.Sprintf("a policy of the brokers forbids a message for topic %s: ask who runs them for the rule", topic)
	case sarama.ErrInvalidTopic:
		return fmt.Sprintf("the brokers reject %s as a topic name: correct %s", topic, p.topicFrom)
	case sarama.ErrUnknownTopicOrPartition, errUnknownTopicID, errInconsistentTopicID:
		return fmt.Sprintf("the broker has no topic %s, or not this partition of it: create it, or correct %s", topic, p.topicFrom)
	default:
		return adviceOnBroker(code)
	}
}

// adviceOnBroker is adviceOn for what is not about the topic or the messages.
func adviceOnBroker(code sarama.KError) string {
	switch code {
	case sarama.ErrNotEnoughReplicas, sarama.ErrNotEnoughReplicasAfterAppend:
		return "fewer replicas are in sync than min.insync.replicas: start the brokers that are away, or lower the topic's min.insync.replicas"
	case sarama.ErrRequestTimedOut:
		return "the leader's followers did not confirm in time: check that all brokers run and reach each other and the controller"
	case sarama.ErrKafkaStorageError:
		return "the broker could not write to its disk: check its log.dirs"
	case sarama.ErrLeaderNotAvailable:
		return "the partition has no leader: start the brokers that have its replicas"
	case sarama.ErrNotLeaderForPartition, sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrReplicaNotAvailable,
		sarama.ErrBrokerNotAvailable:
		return "another broker leads the partition, and is looked for: if that lasts, check the brokers' connection to the controller"
	case sarama.ErrInvalidMessage:
		return "records came to the broker damaged: check what is between it and this host"
	case sarama.ErrNetworkException:
		return "the broker lost a connection: check the network between the brokers"
	case sarama.ErrThrottlingQuotaExceeded:
		return "a quota of the brokers is exceeded: raise the client's quota (kafka-configs), or send less"
	case sarama.ErrUnsupportedVersion, sarama.ErrTransactionalIDAuthorizationFailed:
		return "the broker gives no producer id, or does not know idempotent requests: needs Kafka 0.11 or newer"
	case sarama.ErrInvalidRequiredAcks, sarama.ErrInvalidRequest:
		return "the broker rejects the request: check that bootstrap_servers name Kafka brokers of 0.11 or newer, without a proxy that changes requests"
	case sarama.ErrIllegalSASLState, sarama.ErrUnsupportedSASLMechanism, sarama.ErrSASLAuthenticationFailed:
		return "the broker does not accept the connection's user any more: check its credentials"
	case sarama.ErrOutOfOrderSequenceNumber, sarama.ErrDuplicateSequenceNumber, sarama.ErrInvalidProducerEpoch, sarama.ErrUnknownProducerID,
		sarama.ErrInvalidProducerIDMapping, sarama.ErrProducerFenced:
		return "the broker has lost the producer's numbering, which begins anew: if that lasts, check the topic's retention and the brokers' clocks"
	default:
		return ""
	}
}
