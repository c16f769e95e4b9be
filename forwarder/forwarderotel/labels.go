package forwarderotel

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// labels are the values of attributes. Those that are empty are left out.
type labels struct {
	topic          string
	partition      int32 // noPartition: left out
	errorType      string
	outcome        string
	filter, reason string
}

const noPartition = -1

// attributes returns those of the conventions, and with an outcome eventferry's.
func (l labels) attributes() []attribute.KeyValue {
	var list []attribute.KeyValue
	add := func(key attribute.Key, value string) {
		if value != "" {
			list = append(list, key.String(value))
		}
	}
	add("outcome", l.outcome)
	add("filter", l.filter)
	add("reason", l.reason)
	add(semconv.ErrorTypeKey, l.errorType)
	add(semconv.MessagingDestinationNameKey, l.topic)
	if l.partition != noPartition {
		list = append(list, partitionID(l.partition))
	}
	if l.outcome == "" {
		list = append(list, semconv.MessagingSystemKafka, semconv.MessagingOperationName("send"))
	}
	return list
}

// set returns the attributes, with topic where labels have none.
func (l labels) set(topic string) attribute.Set {
	if l.topic == "" {
		l.topic = topic
	}
	return attribute.NewSet(l.attributes()...)
}
