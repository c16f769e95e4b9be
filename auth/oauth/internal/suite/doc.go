// Package suite has the tests of package oauth on Apache Kafka. It exports nothing. It is
// a module of its own since `go mod tidy` of a program follows what the tests of a package
// import: a program that asks for tokens needs no Kafka for tests.
package suite
