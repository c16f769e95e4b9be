// Package jvm runs Java programs for tests: it finds Java, fetches Apache
// Kafka's jars with Maven, and starts child processes that cannot outlive this
// one, however it ends.
package jvm
