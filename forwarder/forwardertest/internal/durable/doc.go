// Package durable tests the promises of a forwarder with a spool against an
// embedded Kafka, sentence by sentence. It exports nothing.
package durable
