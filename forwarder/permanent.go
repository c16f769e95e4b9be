package forwarder

import (
	"errors"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/batch"
)

// Permanent reports whether forwarding the same batch again can never help:
// the batch or its user id is bad, an event is too large, or the broker refused
// the message for its own sake.
//
// Credentials, ACLs, a missing topic, TLS, unreachable brokers, deadlines and a
// closed forwarder are not permanent, and neither is a filter's error or panic,
// unless there is a method Permanent() bool in it that says so. Of several
// failures all must be permanent, also of those that a filter's error joins, and
// the end of the context in a filter is one of them. A nil error is not.
//
// Of a broker's answers these are permanent, which Kafka's protocol does not call
// retriable and which leave neither the outcome open nor are about rights:
// MESSAGE_TOO_LARGE, INVALID_TOPIC_EXCEPTION, RECORD_LIST_TOO_LARGE,
// INVALID_REQUIRED_ACKS, UNSUPPORTED_SASL_MECHANISM, UNSUPPORTED_VERSION,
// INVALID_REQUEST, UNSUPPORTED_FOR_MESSAGE_FORMAT, POLICY_VIOLATION and
// INVALID_RECORD.
//
// With [WithSaramaProducer] a message may fail for the sake of its neighbour, for
// which Permanent is then wrong: see "Limits of Sarama's producer".
func Permanent(err error) bool {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, since every branch counts
	case nil:
		return false
	case *FilterError:
		return saysPermanent(e.Err)
	case interface{ Permanent() bool }:
		return e.Permanent()
	case *batch.Error, *TooLargeError:
		return true
	case *DeliveryError:
		return allOf(e.Unwrap(), Permanent)
	case sarama.KError:
		return refusedForItself(e)
	case interface{ Unwrap() []error }:
		return allOf(e.Unwrap(), Permanent)
	default:
		return Permanent(errors.Unwrap(err))
	}
}

// saysPermanent reports whether a filter's error says so itself. Errors that
// Permanent knows by their type do not count in a filter.
func saysPermanent(err error) bool {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, since every branch counts
	case nil:
		return false
	case interface{ Permanent() bool }:
		return e.Permanent()
	case interface{ Unwrap() []error }:
		return allOf(e.Unwrap(), saysPermanent)
	default:
		return saysPermanent(errors.Unwrap(err))
	}
}

// refusedForItself lists the answers to a produce request that no retry
// changes: those that Kafka's protocol does not call retriable, without those
// that leave the outcome open or that other credentials, ACLs or a later
// timestamp mend.
func refusedForItself(code sarama.KError) bool {
	switch code {
	case sarama.ErrMessageSizeTooLarge,
		sarama.ErrInvalidTopic,
		sarama.ErrMessageSetSizeTooLarge,
		sarama.ErrInvalidRequiredAcks,
		sarama.ErrUnsupportedSASLMechanism,
		sarama.ErrUnsupportedVersion,
		sarama.ErrInvalidRequest,
		sarama.ErrUnsupportedForMessageFormat,
		sarama.ErrPolicyViolation,
		sarama.ErrInvalidRecord:
		return true
	default:
		return false
	}
}

// NothingSent reports whether no message of the batch is in Kafka nor on its
// way there, so that forwarding the batch again cannot duplicate anything. Of
// an error that holds several it must be true of all. A nil error means that
// the batch is in Kafka, or was dropped: false.
func NothingSent(err error) bool {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, since every branch counts
	case nil:
		return false
	case *FilterError, *TooLargeError, *batch.Error:
		return true
	case *DeliveryError:
		for _, f := range e.Failures {
			if f.Outcome != NotSent {
				return false
			}
		}
		return len(e.Failures) == e.Messages
	case interface{ Unwrap() []error }:
		return allOf(e.Unwrap(), NothingSent)
	default:
		return err == ErrClosed || NothingSent(errors.Unwrap(err)) //nolint:errorlint // with messages under way it comes in a DeliveryError
	}
}

// allOf reports whether there are errors and is is true of each.
func allOf(errs []error, is func(error) bool) bool {
	for _, err := range errs {
		if !is(err) {
			return false
		}
	}
	return len(errs) > 0
}
