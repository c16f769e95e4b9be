package engine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Headers are right however often the memory has grown or was used before, and
// nothing of them is kept in a record batch that is free.
func TestRecordHeaders(t *testing.T) {
	var pool recordBatchPool
	b := pool.get(0)
	for round := range 3 {
		var messages []producer.Message
		for i := range 50 {
			m := producer.Message{Value: []byte("v")}
			if i%3 == 0 {
				m.Part = fmt.Sprintf("%d/%d", i, round)
			}
			for h := range i % 4 {
				m.Headers = append(m.Headers, producer.Header{Key: fmt.Sprintf("k%d-%d", i, h), Value: []byte{byte(i), byte(round)}})
			}
			messages = append(messages, m)
		}
		p := testPartition()
		enqueueGroup(p, messages, make(settleCounts, len(messages)))
		p.sealLocked(b, 1<<20)
		b.buildRecords(sendLimits{})
		require.Len(t, b.encoded.Records, len(messages))
		for i, m := range messages {
			var want, got []string
			if m.Part != "" {
				want = append(want, "eventferry-part="+m.Part)
			}
			for _, h := range m.Headers {
				want = append(want, h.Key+"="+string(h.Value))
			}
			for _, h := range b.encoded.Records[i].Headers {
				got = append(got, string(h.Key)+"="+string(h.Value))
			}
			assert.Equal(t, want, got, "message %d", i)
		}
		headers := b.headers.headers
		pool.put(b)
		for _, h := range headers {
			assert.Nil(t, h.Value)
		}
		require.Len(t, pool.free, 1)
		b = pool.get(0)
	}
}

// A message with headers costs no allocation once the record batch has held as
// many, and memory that is out of the ordinary is not kept.
func TestRecordHeaders_memory(t *testing.T) {
	var l recordHeaders
	m := producer.Message{Part: "1/2", Headers: []producer.Header{{Key: "traceparent", Value: []byte("00")}}}
	l.of(&m)
	l.clear()
	assert.Zero(t, testing.AllocsPerRun(10, func() { l.of(&m); l.clear() }))
	assert.NotZero(t, cap(l.reusable().headers))
	for range maxReusedHeaders {
		l.of(&m)
	}
	assert.Zero(t, cap(l.reusable().headers))
}
