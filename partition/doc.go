// Package partition decides which partition of a topic a message goes to. It
// works with any Sarama producer:
//
//	cfg.Producer.Partitioner = partition.ByUser(partition.Murmur2)
//
// All messages with one key, a user id, go to one partition, where they keep
// their order. The partition depends only on the key, the hash and the number of
// partitions, so producers in other languages can agree by the same rule:
//
//	Murmur2   Java's client, librdkafka murmur2_random and murmur2,
//	          Sarama NewMurmur2Partitioner
//	FNV1a     Sarama NewHashPartitioner, librdkafka fnv1a_random and fnv1a
//	CRC32     librdkafka consistent_random (its default) and consistent,
//	          Sarama NewConsistentCRCHashPartitioner
//
// Sarama's NewReferenceHashPartitioner also hashes with FNV-1a, but places about
// half of all keys elsewhere than FNV1a does.
//
// The results are stable: no release changes them, because that would move
// users. Adding partitions to a topic moves users too. The order of a user's
// messages then holds only between messages acknowledged before the change and
// messages sent after it.
//
// # No sample of users
//
// Murmur2(key, 10) == 0 does not pick one user in ten fairly, because the same
// hash places the users. In a topic of 20 partitions these users are all in
// partitions 0 and 10, and no other partition has any of them. Differences
// between partitions (a slow consumer, a lagging broker) become differences
// between the sample and the rest. Two such samples of the same size are also
// the same users. To sample, hash the user id together with the name of the
// sample, with a hash that places no users; the example named Sample shows how.
package partition
