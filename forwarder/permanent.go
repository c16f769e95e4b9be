package forwarder

import (
	"errors"
	"slices"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/batch"
)

// Permanent reports whether forwarding the same batch again can never help:
// the batch or its user id is bad, an event is too large, or the broker refused
// the message for its own sake.
//
// Credentials, ACLs, a missing topic, TLS, unreachable brokers, deadlines and a
// closed forwarder are not permanent, and neither is the error or panic of a filter
// or of a function for headers, unless there is a method Permanent() bool in it that
// says so: [batch.MarkPermanent] adds one. Of several failures all must be permanent,
// also of those that a filter's error joins, and the end of the context in a filter is
// one of them. A nil error is not.
//
// Of a broker's answers these are permanent, which Kafka's protocol does not call
// retriable and which leave neither the outcome open nor are about rights:
// MESSAGE_TOO_LARGE, INVALID_TOPIC_EXCEPTION, RECORD_LIST_TOO_LARGE,
// INVALID_REQUIRED_ACKS, UNSUPPORTED_SASL_MECHANISM, UNSUPPORTED_VERSION,
// INVALID_REQUEST, POLICY_VIOLATION and INVALID_RECORD. An answer that refuses the
// timestamp (INVALID_TIMESTAMP), the codec (UNSUPPORTED_COMPRESSION_TYPE) or the
// message format (UNSUPPORTED_FOR_MESSAGE_FORMAT) is mended by a clock, by
// delivery.compression or at the topic, and the batch can stay as it is.
//
// INVALID_TOPIC_EXCEPTION, INVALID_REQUIRED_ACKS, UNSUPPORTED_SASL_MECHANISM,
// UNSUPPORTED_VERSION and INVALID_REQUEST are permanent though topics, credentials
// and codecs are not: [New] has accepted the topic and the user by then, and the
// producer asks for acknowledgements, a version and a codec that the broker offers.
// As answers to a produce request they mean that the request itself is refused,
// and the same batch would be sent in the same request again. From New and
// [Forwarder.Ping], which send no batch, no refusal is permanent.
//
// With [WithSaramaProducer] a message may fail because of its neighbour, about
// which Permanent is then wrong.
func Permanent(err error) bool {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, since every branch counts
	case nil:
		return false
	case *FilterError:
		return saysPermanent(e.Err)
	case *HeaderError:
		return saysPermanent(e.Err)
	case interface{ Permanent() bool }:
		return e.Permanent()
	case *batch.Error, *TooLargeError:
		return true
	case *DeliveryError:
		return !Kept(e) && allOf(e.Unwrap(), Permanent)
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
// timestamp mend, or another codec.
func refusedForItself(code sarama.KError) bool {
	switch code {
	case sarama.ErrMessageSizeTooLarge,
		sarama.ErrInvalidTopic,
		sarama.ErrMessageSetSizeTooLarge,
		sarama.ErrInvalidRequiredAcks,
		sarama.ErrUnsupportedSASLMechanism,
		sarama.ErrUnsupportedVersion,
		sarama.ErrInvalidRequest,
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
	case *FilterError, *HeaderError, *TooLargeError, *batch.Error:
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
		//nolint:errorlint // with messages under way ErrClosed comes in a DeliveryError
		return err == ErrClosed || err == ErrNoSpool || NothingSent(errors.Unwrap(err))
	}
}

// Kept reports whether the batch is on the disk and on its way, or may be on its
// way in part while the rest is there: never send it again. It is the first
// question to ask of an error with a spool, and false without one. Of an error
// that holds several it must be true of one.
func Kept(err error) bool {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, since every branch counts
	case nil:
		return false
	case *DeliveryError:
		return slices.ContainsFunc(e.Failures, func(f Failure) bool { return f.Outcome == Stored })
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), Kept)
	default:
		return Kept(errors.Unwrap(err))
	}
}

// allOf reports whether errs is not empty and every error satisfies pred.
func allOf(errs []error, pred func(error) bool) bool {
	for _, err := range errs {
		if !pred(err) {
			return false
		}
	}
	return len(errs) > 0
}
