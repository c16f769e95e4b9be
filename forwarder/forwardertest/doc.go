// Package forwardertest is a Kafka for tests.
package forwardertest
