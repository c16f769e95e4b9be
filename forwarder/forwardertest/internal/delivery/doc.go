// Package delivery tests the delivery contract of package forwarder against an
// embedded Kafka with faults, sentence by sentence. It exports nothing.
package delivery
