// Package endtoend tests what eventferry is for, from a batch to what a topic
// holds, on the embedded Kafka and on Apache Kafka. It has tests only.
package endtoend
