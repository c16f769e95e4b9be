package partition

import "encoding/binary"

// Murmur2 places keys as Kafka's Java client does since 0.8.2: MurmurHash2 with
// Java's seed, its sign bit cleared, modulo partitions (Utils.murmur2 and
// Utils.toPositive in Apache Kafka). An empty key is hashed like any other.
func Murmur2(key []byte, partitions int32) int32 {
	if partitions < 1 {
		return -1
	}
	return int32(murmur2(key)&0x7fffffff) % partitions
}

// murmur2 is Austin Appleby's MurmurHash2 for 32 bits, reading little endian.
func murmur2(key []byte) uint32 {
	const (
		seed  = 0x9747b28c
		m     = 0x5bd1e995
		shift = 24
	)
	h := seed ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := binary.LittleEndian.Uint32(key) * m
		k ^= k >> shift
		h = h*m ^ k*m
	}
	if len(key) > 0 {
		for i, b := range key {
			h ^= uint32(b) << (8 * i)
		}
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
