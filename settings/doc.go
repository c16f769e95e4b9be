// Package settings holds what an operator sets: brokers and topic, credentials,
// what is cut out of batches, TLS and delivery. It is plain data without
// behaviour, under the names of mParticle's page for its Kafka event output.
package settings
