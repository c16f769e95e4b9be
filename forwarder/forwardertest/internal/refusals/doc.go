// Package refusals tests what [forwarder.New] and [forwarder.Forwarder.Ping]
// say when there is no way to the topic, with the embedded Kafka and with
// Apache Kafka. It has tests only.
package refusals
