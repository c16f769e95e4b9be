package engine

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
)

func (l *ledger) checkThere(m *modelMessage) {
	if m.buried {
		return
	}
	p := m.result.Partition
	if p < 0 || int(p) >= len(l.sim.partitions) {
		l.add(invariantLost, "message %d is acknowledged in partition %d", m.id, p)
		return
	}
	offset, there := l.logs[p].offsets[m.id]
	switch {
	case !there:
		l.add(invariantLost, "message %d was acknowledged, but is not in partition %d", m.id, p)
	case offset >= l.sim.partitions[p].log.safe:
		l.add(invariantLost, "message %d was acknowledged before it was safe", m.id)
	case m.result.Offset >= 0 && m.result.Offset != offset && !m.doubtful:
		l.add(invariantLost, "message %d was acknowledged at offset %d of partition %d, but is at %d", m.id, m.result.Offset, p, offset)
	}
}

func (l *ledger) checkNotThere(m *modelMessage) {
	for p, log := range l.logs {
		if offset, there := log.offsets[m.id]; there {
			l.add(invariantNotSent, "message %d was not sent or withdrawn, but is at offset %d of partition %d", m.id, offset, p)
		}
	}
}

// cameLate reports whether what was just written was settled as unknown before, and
// is a copy from a producer id that was replaced, which no epoch fences.
func (l *ledger) cameLate(partition int32, w simWritten) bool {
	replaced := func(before simWritten) bool { return before.producer > w.producer }
	if !slices.ContainsFunc(l.sim.partitions[partition].log.written, replaced) {
		return false
	}
	for i := range w.records {
		m := l.find(&w.records[i])
		if m == nil || !m.doubtful && (m.settled == 0 || m.result.Outcome != producer.Unknown) {
			return false
		}
	}
	return true
}

// see checks what was just written.
func (l *ledger) see(partition int32, w simWritten) {
	newest := &l.logs[partition]
	late := l.replaced || l.cameLate(partition, w)
	before := l.sim.partitions[partition].log.at(w.offset - 1)
	if before != nil && before.at.UnixMilli() > w.records[0].at.UnixMilli() && !late {
		l.add(invariantStamp, "partition %d offset %d: %s after %s", partition, w.offset, w.records[0].at, before.at)
	}
	for i := range w.records {
		r, offset := &w.records[i], w.offset+int64(i)
		if i > 0 && r.at.UnixMilli() < w.records[i-1].at.UnixMilli() {
			l.add(invariantStamp, "partition %d offset %d: %s after %s", partition, offset, r.at, w.records[i-1].at)
		}
		m := l.find(r)
		if m == nil {
			l.add(invariantContent, "partition %d offset %d: %q was never submitted", partition, offset, r.value)
			continue
		}
		if l.twice(m, partition, offset) {
			continue
		}
		newest.offsets[m.id] = offset
		l.seePlace(m, r, partition)
		if m.user >= 0 && !late {
			if n, ok := newest.newest[m.user]; ok && n > m.id {
				l.add(invariantOrder, "partition %d offset %d: message %d of user %d after %d", partition, offset, m.id, m.user, n)
			}
			newest.newest[m.user] = max(newest.newest[m.user], m.id)
		}
		if m.settled > 0 && m.result.Outcome == producer.NotSent {
			l.checkNotThere(m)
		}
	}
}

func (l *ledger) twice(m *modelMessage, partition int32, offset int64) bool {
	for p, log := range l.logs {
		if first, there := log.offsets[m.id]; there {
			if m.doubtful {
				if _, there := l.logs[partition].offsets[m.id]; !there {
					l.logs[partition].offsets[m.id] = offset
				}
				return true
			}
			l.add(invariantDuplicate, "partition %d offset %d: message %d is at offset %d of partition %d already", partition, offset, m.id, first, p)
			return true
		}
	}
	return false
}

func (l *ledger) find(r *simRecord) *modelMessage {
	number, _, _ := bytes.Cut(r.value, []byte("|"))
	id, err := strconv.Atoi(string(number))
	if err != nil || id < 0 || id >= len(l.messages) || !l.messages[id].submitted || !bytes.Equal(l.messages[id].Value, r.value) {
		return nil
	}
	return l.messages[id]
}

func (l *ledger) seePlace(m *modelMessage, r *simRecord, p int32) {
	g := m.group
	if (r.key == nil) != (m.Key == nil) || !bytes.Equal(r.key, m.Key) {
		l.add(invariantPartition, "message %d has the key %q, not %q", m.id, r.key, m.Key)
	}
	if m.Key != nil && !l.replaced {
		own := int32(-1)
		for n := l.least; n <= len(l.logs) && own != p; n++ { // as many as were known when it was accepted
			own = partition.Murmur2(m.Key, int32(n)) //nolint:gosec // few
		}
		if own != p {
			l.add(invariantPartition, "message %d is in partition %d, not %d", m.id, p, own)
		}
	}
	if g.partition < 0 {
		g.partition = p
	}
	if g.partition != p && !l.replaced {
		l.add(invariantPartition, "message %d is in partition %d, others of its group in %d", m.id, p, g.partition)
	}
	header := ""
	if m.Part != "" {
		header = producer.PartHeader + "=" + m.Part
	}
	if r.part != header {
		l.add(invariantContent, "message %d has headers %q, not %q", m.id, r.part, header)
	}
}

// seeAgain looks at a log that has become shorter.
func (l *ledger) seeAgain(p int32) {
	log := ledgerLog{map[int]int64{}, map[int]int{}}
	for _, w := range l.sim.partitions[p].log.written {
		for i := range w.records {
			if m := l.find(&w.records[i]); m != nil {
				log.offsets[m.id] = w.offset + int64(i)
				log.newest[m.user] = max(log.newest[m.user], m.id)
			}
		}
	}
	l.logs[p] = log
}

// checkAll checks once more what is true of every message, and reads the logs.
func (l *ledger) checkAll() {
	for _, m := range l.messages {
		switch {
		case !m.submitted:
		case m.settled != 1:
			l.add(invariantSettled, "message %d was settled %d times", m.id, m.settled)
		case m.result.Outcome == producer.Acknowledged:
			l.checkThere(m)
		case m.result.Outcome == producer.NotSent:
			l.checkNotThere(m)
		}
	}
}
