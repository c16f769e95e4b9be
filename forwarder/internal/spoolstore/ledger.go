package spoolstore

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A ledger is what the control file says: what became of the messages.
type ledger struct {
	id       folderID
	openings uint64 // how often the folder was opened: the upper half of sequence numbers of segments
	next     uint64 // number behind the last message that was synced when the ledger was written
	done     *numbers
	doubtful *numbers // messages that may be in Kafka although no intent says so
	refused  map[uint64]Refusal
	intents  map[Partition]*lastIntent
	topics   map[string]Topic
	ends     map[uint64]segmentEnd // of the segments of the log that are sealed, by sequence number
}

// A lastIntent is the newest intent of a partition.
type lastIntent struct {
	intent Intent
	end    End
}

// A Topic is which topic of which cluster the messages are for.
type Topic struct {
	Name      string // empty: the only one
	ClusterID string
	ID        [16]byte
}

func newLedger() *ledger {
	l := &ledger{
		done:     newNumbers(),
		doubtful: newNumbers(),
		refused:  map[uint64]Refusal{},
		intents:  map[Partition]*lastIntent{},
		topics:   map[string]Topic{},
		ends:     map[uint64]segmentEnd{},
	}
	l.done.add(Range{0, 1}) // no message has the number 0
	return l
}

// Kinds of records.
const (
	recordDone = iota + 1
	recordIntent
	recordEnd
	recordRefused
	recordTopic
	recordSealed
	recordLedger
	recordDropped
)

func appendDone(dst []byte, list []Range) []byte {
	return appendRanges(append(dst, recordDone), list)
}

func appendIntentRecord(dst []byte, i *Intent) []byte {
	return appendIntent(append(dst, recordIntent), i)
}

func appendEndRecord(dst []byte, p Partition, e End) []byte {
	return appendEnd(appendPartition(append(dst, recordEnd), p), e)
}

// appendRefused appends as many records as it takes.
func appendRefused(dst []byte, list []Range, f Refusal) []byte {
	for part := range portions(list, maxRefused) {
		dst = appendRefusal(appendRanges(append(dst, recordRefused), part), f)
	}
	return dst
}

func appendTopic(dst []byte, t Topic) []byte {
	dst = appendBytes(append(dst, recordTopic), t.Name)
	dst = appendBytes(dst, t.ClusterID)
	return append(dst, t.ID[:]...)
}

func appendDropped(dst []byte, topic string) []byte {
	return appendBytes(append(dst, recordDropped), topic)
}

func appendSealed(dst []byte, e segmentEnd) []byte {
	return appendSegmentEnd(append(dst, recordSealed), e)
}

func appendSegmentEnd(dst []byte, e segmentEnd) []byte {
	dst = binary.AppendUvarint(dst, e.seq)
	dst = binary.AppendUvarint(dst, uint64(e.frames)) //nolint:gosec // a count
	return binary.AppendUvarint(dst, e.next)
}

func (r *reader) segmentEnd() segmentEnd {
	return segmentEnd{seq: r.uvarint(), frames: int(r.uvarint()), next: r.number()} //nolint:gosec // a count
}

// encode returns all of it as one record, and a second one with what is done in chunks of
// few runs, which programs read that write them as bits only.
func (l *ledger) encode() []byte {
	dst := []byte{recordLedger}
	dst = append(dst, l.id[:]...)
	dst = binary.AppendUvarint(dst, l.openings)
	dst = binary.AppendUvarint(dst, l.next)
	dst = l.done.appendTo(dst, (*numberChunk).fewRuns)
	l.doubtful.dropBelow(l.done.floor)
	dst = l.doubtful.appendTo(dst, noChunk)
	refused := slices.DeleteFunc(slices.Sorted(maps.Keys(l.refused)), l.done.has)
	dst = binary.AppendUvarint(dst, uint64(len(refused)))
	for _, n := range refused {
		dst = binary.AppendUvarint(dst, n)
		dst = appendRefusal(dst, l.refused[n])
	}
	dst = binary.AppendUvarint(dst, uint64(len(l.intents)))
	for _, p := range slices.SortedFunc(maps.Keys(l.intents), comparePartitions) {
		dst = appendIntent(dst, &l.intents[p].intent)
		dst = appendEnd(dst, l.intents[p].end)
	}
	dst = binary.AppendUvarint(dst, uint64(len(l.topics)))
	for _, name := range slices.Sorted(maps.Keys(l.topics)) {
		dst = appendTopic(dst, l.topics[name])
	}
	dst = binary.AppendUvarint(dst, uint64(len(l.ends)))
	for _, seq := range slices.Sorted(maps.Keys(l.ends)) {
		dst = appendSegmentEnd(dst, l.ends[seq])
	}
	if list := l.done.runsOfFew(); len(list) > 0 {
		dst = appendDone(dst, list)
	}
	return dst
}

func comparePartitions(a, b Partition) int {
	if a.Topic != b.Topic {
		return strings.Compare(a.Topic, b.Topic)
	}
	return int(a.ID) - int(b.ID)
}

func noChunk(*numberChunk) bool { return false }

// size bounds the length of what encode returns, without encoding it.
func (l *ledger) size() int {
	size := 64 + l.done.size((*numberChunk).fewRuns) + l.doubtful.size(noChunk) + 3*binary.MaxVarintLen64*(1+len(l.ends))
	for _, f := range l.refused {
		size += len(f.Reason) + 4*binary.MaxVarintLen64
	}
	for _, i := range l.intents {
		size += 128 + 2*len(i.intent.Partition.Topic) + 2*binary.MaxVarintLen64*(len(i.intent.Messages)+len(i.intent.Whole)) +
			binary.MaxVarintLen64*len(i.intent.Timestamps)
	}
	for _, t := range l.topics {
		size += 64 + len(t.Name) + len(t.ClusterID)
	}
	return size
}

// apply brings the ledger forward by the records in b.
func (l *ledger) apply(b []byte) error {
	for r := (&reader{rest: b}); len(r.rest) > 0; {
		kind := r.byte()
		switch kind {
		case recordDone:
			list := r.ranges()
			for _, s := range list {
				l.done.add(s)
			}
			l.release(list)
		case recordIntent:
			i := r.intent()
			if !r.failed {
				l.intents[i.Partition] = &lastIntent{intent: i}
			}
		case recordEnd:
			p, e := r.partition(), r.end()
			if !r.failed {
				l.end(p, e)
			}
		case recordRefused:
			list := r.ranges()
			if (&Intent{Messages: list}).Count() > maxRefused {
				return errShort
			}
			l.refuse(list, r.refusal())
		case recordTopic:
			t := r.topic()
			l.topics[t.Name] = t
		case recordDropped:
			l.dropTopic(string(r.bytes()))
		case recordSealed:
			e := r.segmentEnd()
			l.ends[e.seq] = e
		case recordLedger:
			l.read(r)
		default:
			return fmt.Errorf("a record of kind %d, which this version does not know", kind)
		}
		if r.failed {
			return errShort
		}
	}
	return nil
}

func (l *ledger) dropTopic(name string) {
	delete(l.topics, name)
	maps.DeleteFunc(l.intents, func(p Partition, _ *lastIntent) bool { return p.Topic == name })
}

// end notes how the last intent of a partition ended. It reports false if there
// is none.
func (l *ledger) end(p Partition, e End) bool {
	last := l.intents[p]
	if last == nil {
		return false
	}
	last.end = e
	if e.Outcome == Doubtful {
		for _, r := range slices.Concat(last.intent.Messages, last.intent.Whole) {
			l.doubtful.add(r)
		}
	}
	return true
}

func (l *ledger) refuse(list []Range, f Refusal) {
	for _, r := range list {
		for n := r.First; n < r.Next; n++ {
			l.refused[n] = f
		}
	}
}

// release takes messages off the refused ones. Either may be long, the list's
// ranges or the refused ones.
func (l *ledger) release(list []Range) {
	for _, r := range list {
		if r.Len() > len(l.refused) {
			maps.DeleteFunc(l.refused, func(n uint64, _ Refusal) bool { return r.First <= n && n < r.Next })
			continue
		}
		for n := r.First; n < r.Next; n++ {
			delete(l.refused, n)
		}
	}
}

func (r *reader) topic() Topic {
	t := Topic{Name: string(r.bytes()), ClusterID: string(r.bytes())}
	if r.failed {
		return t
	}
	copy(t.ID[:], r.take(len(t.ID)))
	return t
}

// read replaces l by what encode has written.
func (l *ledger) read(r *reader) {
	*l = *newLedger()
	copy(l.id[:], r.take(len(l.id)))
	l.openings, l.next = r.uvarint(), r.number()
	l.done = readNumbers(r)
	l.doubtful = readNumbers(r)
	for range r.uvarint() {
		if r.failed {
			return
		}
		n := r.number()
		l.refused[n] = r.refusal()
	}
	for range r.uvarint() {
		if r.failed {
			return
		}
		i := &lastIntent{intent: r.intent()}
		i.end = r.end()
		l.intents[i.intent.Partition] = i
	}
	for range r.uvarint() {
		if r.failed {
			return
		}
		if r.byte() != recordTopic {
			r.failed = true
			return
		}
		t := r.topic()
		l.topics[t.Name] = t
	}
	for range r.uvarint() {
		if r.failed {
			return
		}
		e := r.segmentEnd()
		l.ends[e.seq] = e
	}
}
