package forwarder

import (
	"bytes"
	"slices"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/internal/window"
)

// windowPart returns the part that a stored entry is. Its Shape has the entry's bytes,
// which the table copies as far as it keeps them.
func windowPart(e *spoolstore.Entry, first uint64, held int64) *window.Part {
	m := &e.Messages[0]
	p := &window.Part{
		Device: e.Window.Device, First: first, Messages: len(e.Messages), Held: held, Accepted: e.Accepted, End: e.Window.End,
	}
	last := newLastPart(e)
	p.Extra, p.ExtraBytes = last, last.memory()
	if p.Messages == 1 {
		p.Shape = window.ShapeOf(m.Value)
		p.Fixed = fixedSize(e.Key, m)
	}
	return p
}

// fixedSize is the size of a message without its value.
func fixedSize(key []byte, m *spoolstore.Message) int {
	record := producer.Message{Key: key, Part: m.Part}
	for _, h := range m.Headers {
		record.Headers = append(record.Headers, producer.Header(h))
	}
	return record.Size()
}

// lastPart is what is kept of the last batch in a window besides its value.
type lastPart struct {
	topic   string
	key     []byte
	headers []spoolstore.Header
}

// newLastPart copies: the bytes of an entry that was read are pieces of its whole record,
// which would stay in memory as long as one of them.
func newLastPart(e *spoolstore.Entry) *lastPart {
	l := &lastPart{topic: e.TopicOf(0), key: bytes.Clone(e.Key), headers: slices.Clone(e.Messages[0].Headers)}
	for i := range l.headers {
		l.headers[i].Value = bytes.Clone(l.headers[i].Value)
	}
	return l
}

// memory is about how many bytes it takes.
func (l *lastPart) memory() int64 {
	size := sizeOf[lastPart]() + len(l.topic) + cap(l.key) + cap(l.headers)*sizeOf[spoolstore.Header]()
	for _, h := range l.headers {
		size += len(h.Key) + cap(h.Value)
	}
	return int64(size)
}
