// Package defaults tests that the default settings work on every Kafka that
// they are promised for, and where a broker takes less than they send. It
// exports nothing.
package defaults
