package partition

import "hash/crc32"

// CRC32 places keys as librdkafka's consistent partitioner does: CRC-32 with
// the IEEE polynomial, as an unsigned number, modulo partitions. librdkafka's
// default, consistent_random, agrees except that it treats an empty key as no
// key.
func CRC32(key []byte, partitions int32) int32 {
	if partitions < 1 {
		return -1
	}
	return int32(crc32.ChecksumIEEE(key) % uint32(partitions))
}
