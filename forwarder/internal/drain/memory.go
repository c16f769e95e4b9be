package drain

// A memory counts what the producers have of Config.MaxBytes. A quarter of it is divided
// among the topics, and what a topic gets among its partitions: no other can take that,
// so what stands still, however much of it there is, holds up no other. Half is for
// all of them, in the order in which they ask. The last quarter is for partitions that have
// nothing at a producer: messages may be larger than what a partition has for itself.
// Drain.mu guards all of it.
type memory struct {
	max    int64
	topics int64

	own   int64 // divided among partitions
	first int64 // for those of which a producer has nothing

	beyond int64 // of what the producers have, what is not partitions' own

	// over is a partition that has an entry at the producer although there was no room: one
	// at a time, so that each comes to its turn while others take all that becomes free.
	over *partitionMemory
}

// ownShare divides Config.MaxBytes: so much is divided among partitions, and as much is for
// those of which a producer has nothing.
const ownShare = 4

func newMemory(maxBytes int64, topics int) memory {
	return memory{max: maxBytes, topics: int64(max(1, topics)), own: maxBytes / ownShare, first: maxBytes / ownShare}
}

// A topicMemory is that of one topic.
type topicMemory struct {
	bytes      int64 // that its producer has
	own        int64 // of each partition
	partitions map[int32]*partitionMemory
}

// A partitionMemory is that of one partition, of all eras, or of messages without a key.
type partitionMemory struct {
	topic *topicMemory
	bytes int64 // that the producer has
}

// of returns that of a partition.
func (t *topicMemory) of(id int32) *partitionMemory {
	p := t.partitions[id]
	if p == nil {
		p = &partitionMemory{topic: t}
		t.partitions[id] = p
	}
	return p
}

// beyond is how much of so many bytes are more than what is the partition's own.
func (p *partitionMemory) beyond(bytes int64) int64 { return max(0, bytes-p.topic.own) }

// divideLocked gives each of so many partitions of t, and the messages without a key, as
// much for itself.
func (m *memory) divideLocked(t *topicMemory, partitions int32) {
	for _, p := range t.partitions {
		m.beyond -= p.beyond(p.bytes)
	}
	t.own = m.own / m.topics / (int64(partitions) + 1)
	for _, p := range t.partitions {
		m.beyond += p.beyond(p.bytes)
	}
}

// addLocked notes that the producer has so many bytes more of p; less, if it is negative.
func (m *memory) addLocked(p *partitionMemory, bytes int64) {
	m.beyond += p.beyond(p.bytes+bytes) - p.beyond(p.bytes)
	switch {
	case p.bytes == 0 && m.beyond > m.max-m.own && m.over == nil:
		m.over = p
	case m.over == p && p.bytes+bytes == 0:
		m.over = nil
	}
	p.bytes += bytes
	p.topic.bytes += bytes
}

// fitsLocked reports whether the producer may have so many bytes more of p, of which it
// may have share at most if that is more than p's own. Of each topic it may have one entry, and
// of one partition more.
func (m *memory) fitsLocked(p *partitionMemory, bytes, share int64) bool {
	return m.hasRoomLocked(p, bytes, share) || p.bytes == 0 && m.over == nil
}

// hasRoomLocked reports whether the producer may have them without that one.
func (m *memory) hasRoomLocked(p *partitionMemory, bytes, share int64) bool {
	more := p.beyond(p.bytes+bytes) - p.beyond(p.bytes)
	switch {
	case more == 0, p.topic.bytes == 0:
		return true
	case p.bytes == 0:
		return m.beyond+more <= m.max-m.own
	default:
		return p.bytes+bytes <= share && m.beyond+more <= m.common()
	}
}

// common is for all partitions, in the order in which they ask.
func (m *memory) common() int64 { return m.max - m.own - m.first }

// lowLocked reports whether the producer has so little of p that it is time to read again
// for it: each reading is for as much as possible.
func (m *memory) lowLocked(p *partitionMemory, share int64) bool {
	return p.bytes <= p.topic.own/2 || p.bytes <= share/2 && m.beyond <= m.common()/2
}
