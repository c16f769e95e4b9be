// Package suite has the tests of forwarderotel that need a Kafka, and those of its board
// and its alerts, which need Prometheus' own parser. It exports nothing. It is a module
// of its own since `go mod tidy` of a program follows what the tests of a package import:
// a program that wants metrics needs neither.
package suite
