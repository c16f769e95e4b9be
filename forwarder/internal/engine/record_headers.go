package engine

import (
	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// recordHeaders is memory for the headers of a record batch, which is used again
// with it: most services that add headers add the same number to each message.
// Where a slice grows, the records before keep what they have of the old one.
type recordHeaders struct {
	headers  []sarama.RecordHeader
	pointers []*sarama.RecordHeader
	keys     []byte // and the values of eventferry-part
}

const (
	maxReusedHeaders    = 4 * maxReusedRecords
	maxReusedHeaderKeys = 32 * maxReusedHeaders // bytes
)

// of returns the headers of m as Sarama takes them.
func (l *recordHeaders) of(m *producer.Message) []*sarama.RecordHeader {
	from := len(l.pointers)
	if m.Part != "" {
		l.add(l.bytes(producer.PartHeader), l.bytes(m.Part))
	}
	for _, h := range m.Headers {
		value := h.Value
		if value == nil { // Sarama would write Kafka's null
			value = []byte{}
		}
		l.add(l.bytes(h.Key), value)
	}
	return l.pointers[from:len(l.pointers):len(l.pointers)]
}

func (l *recordHeaders) add(key, value []byte) {
	l.headers = append(l.headers, sarama.RecordHeader{Key: key, Value: value})
	l.pointers = append(l.pointers, &l.headers[len(l.headers)-1])
}

func (l *recordHeaders) bytes(text string) []byte {
	from := len(l.keys)
	l.keys = append(l.keys, text...)
	return l.keys[from:len(l.keys):len(l.keys)]
}

// clear drops all references. No record may have the headers any more.
func (l *recordHeaders) clear() {
	clear(l.headers)
	clear(l.pointers)
	l.headers, l.pointers, l.keys = l.headers[:0], l.pointers[:0], l.keys[:0]
}

// reusable returns the memory, if it is worth keeping.
func (l *recordHeaders) reusable() recordHeaders {
	if cap(l.headers) > maxReusedHeaders || cap(l.keys) > maxReusedHeaderKeys {
		return recordHeaders{}
	}
	return *l
}
