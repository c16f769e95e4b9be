// Package doors tests package receiver from clients to what a topic holds, on the
// embedded Kafka: outages under load, attacks, and mParticle's own SDKs. It has
// tests only.
package doors
