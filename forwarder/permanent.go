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
// Credentials, ACLs, the topic, TLS, unreachable brokers, deadlines and a
// closed forwarder are not permanent, and neither is a filter's error, unless
// it has a method Permanent() bool that says so. Of several failures all must
// be permanent. A nil error is not.
func Permanent(err error) bool {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, since every branch counts
	case nil:
		return false
	case interface{ Permanent() bool }:
		return e.Permanent()
	case *batch.Error, *TooLargeError:
		return true
	case *DeliveryError:
		for _, f := range e.Failures {
			if !Permanent(f.Err) {
				return false
			}
		}
		return len(e.Failures) > 0
	case sarama.KError:
		return refusedForItself(e)
	case interface{ Unwrap() []error }:
		return allPermanent(e.Unwrap())
	default:
		return Permanent(errors.Unwrap(err))
	}
}

func allPermanent(errs []error) bool {
	for _, err := range errs {
		if !Permanent(err) {
			return false
		}
	}
	return len(errs) > 0
}

// refusedForItself lists the broker's answers that no retry changes (class
// "not retriable" of Kafka's protocol errors, without those that a change of
// credentials or ACLs mends).
func refusedForItself(code sarama.KError) bool {
	switch code {
	case sarama.ErrMessageSizeTooLarge,
		sarama.ErrInvalidTopic,
		sarama.ErrMessageSetSizeTooLarge,
		sarama.ErrInvalidRequiredAcks,
		sarama.ErrInvalidTimestamp,
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
// way there, so that forwarding the batch again cannot duplicate anything.
// A nil error means that it is in Kafka, or was dropped: false.
func NothingSent(err error) bool {
	var (
		delivery *DeliveryError
		filter   *FilterError
		large    *TooLargeError
		bad      *batch.Error
	)
	switch {
	case errors.As(err, &delivery):
		for _, f := range delivery.Failures {
			if f.Outcome != NotSent {
				return false
			}
		}
		return len(delivery.Failures) == delivery.Messages
	case errors.As(err, &filter), errors.As(err, &large), errors.As(err, &bad):
		return true
	default:
		return errors.Is(err, ErrClosed) // a bare one: with messages under way it comes in a DeliveryError
	}
}
