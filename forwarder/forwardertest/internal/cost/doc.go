// Package cost measures what a forwarder's promises cost its process, with the
// brokers in another one. It exports nothing.
//
//	go test -run '^$' -bench 'Forward$' ./forwarder/forwardertest/internal/cost
//
// takes half a minute, needs only Go, and prints a table for each shape of
// load. It asserts nothing: a busy machine makes any time true. With
// -bench 'Forward_apache$' it does the same with Apache Kafka, where Java and
// Maven are installed, and skips elsewhere. -bench 'RequestLimit' and
// -bench 'RequestLimit_apache' compare the default of delivery.max_request_bytes
// with no limit. -bench 'Spool$' and -bench 'Spool_apache' compare a forwarder on a
// spool with one that has none, and its rate with a floor: Forward without a spool behind
// as many bare writes and syncs. -bench 'Growth' changes callers, partitions, events,
// brokers and the spool one by one. TestMemory bounds what partitions, brokers and
// undecided batches hold; memory can be told on a busy machine.
package cost
