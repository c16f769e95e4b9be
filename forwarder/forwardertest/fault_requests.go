package forwardertest

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/faultconn"
	"github.com/eventferry/eventferry/settings"
)

// requests holds the faults that close connections on what a client asks.
type requests struct {
	mu    sync.Mutex
	rules []*requestRule
}

type requestRule struct {
	brokers []int // none: all
	limit   int   // bytes; 0: none
	codecs  []settings.Compression
	fault   *Fault
}

func (r *requestRule) isFor(broker int) bool {
	return len(r.brokers) == 0 || slices.Contains(r.brokers, broker)
}

func (s *requests) add(r *requestRule) *Fault {
	r.fault = newFault(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.rules = slices.DeleteFunc(s.rules, func(o *requestRule) bool { return o == r })
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, r)
	return r.fault
}

// closes counts the first rule that says so.
func (s *requests) closes(says func(*requestRule) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.rules, says)
	if i < 0 {
		return false
	}
	s.rules[i].fault.count(1)
	return true
}

func (s *requests) size(broker, bytes int) bool {
	return s.closes(func(r *requestRule) bool { return r.limit > 0 && bytes > r.limit && r.isFor(broker) })
}

func (s *requests) refuses(q faultconn.Request) bool {
	if Request(q.Key) != Produce {
		return false
	}
	return s.closes(func(r *requestRule) bool {
		return len(r.codecs) > 0 && r.isFor(q.Broker) && producesWith(q, r.codecs)
	})
}

// producesWith reports whether a produce request has a record batch of one of
// the codecs.
func producesWith(q faultconn.Request, codecs []settings.Compression) bool {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(q.Version)
	b := kbin.Reader{Src: q.Body}
	b.NullableString() // the client's id
	if req.IsFlexible() {
		kmsg.SkipTags(&b)
	}
	return req.ReadFrom(b.Src) == nil && anyRecords(req, func(_ *kmsg.ProduceRequestTopic, _ int32, records []byte) bool {
		return slices.Contains(codecs, codecOf(records))
	})
}

func anyRecords(req *kmsg.ProduceRequest, is func(t *kmsg.ProduceRequestTopic, partition int32, records []byte) bool) bool {
	return slices.ContainsFunc(req.Topics, func(t kmsg.ProduceRequestTopic) bool {
		return slices.ContainsFunc(t.Partitions, func(p kmsg.ProduceRequestTopicPartition) bool { return is(&t, p.Partition, p.Records) })
	})
}

// What a record batch has where, after its magic byte.
const (
	attributesAt   = 21
	maxTimestampAt = 35
	producerIDAt   = 43
	batchHeader    = 61
)

func codecOf(records []byte) settings.Compression {
	const codecBits = 7
	codecs := []settings.Compression{settings.NoCompression, settings.Gzip, settings.Snappy, settings.LZ4, settings.Zstd}
	if len(records) < batchHeader {
		return ""
	}
	if c := binary.BigEndian.Uint16(records[attributesAt:]) & codecBits; int(c) < len(codecs) {
		return codecs[c]
	}
	return ""
}

// LimitRequests has brokers close connections on which a request of more than
// so many bytes comes, as socket.request.max.bytes does. Size and correlation
// id do not count. No brokers means all.
func (k *Kafka) LimitRequests(bytes int, brokers ...int) *Fault {
	return k.remember(k.requests.add(&requestRule{limit: bytes, brokers: brokers}))
}

// CloseOnCodecs has brokers close connections on which a record batch of one of
// these codecs comes.
func (k *Kafka) CloseOnCodecs(codecs ...settings.Compression) *Fault {
	return k.remember(k.requests.add(&requestRule{codecs: codecs}))
}
