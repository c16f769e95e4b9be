package partition

// FNV1a places keys as Sarama's NewHashPartitioner does: the 32-bit FNV-1a hash
// read as a signed number, modulo partitions, without its sign. librdkafka's
// fnv1a partitioners agree.
func FNV1a(key []byte, partitions int32) int32 {
	if partitions < 1 {
		return -1
	}
	i := int32(fnv1a(key)) % partitions
	if i < 0 {
		return -i
	}
	return i
}

// fnv1a is hash/fnv's New32a without its allocation.
func fnv1a(key []byte) uint32 {
	const (
		offset = 0x811c9dc5
		prime  = 0x01000193
	)
	h := uint32(offset)
	for _, b := range key {
		h = (h ^ uint32(b)) * prime
	}
	return h
}
