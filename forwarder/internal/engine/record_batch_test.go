package engine

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A record batch whose records are made may lose messages to their caller while it
// waits to be sent again. What is left must not look like them.
func TestRecordBatch_withdrawn(t *testing.T) {
	p := testPartition()
	e := testEngine(p)
	submit := func(value, part string) *submission {
		return enqueueGroup(p, []producer.Message{{Value: []byte(value), Part: part}}, make(settleCounts, 1))
	}
	first, second, third := submit("first", "1/2"), submit("second", ""), submit("third", "2/2")
	b := &recordBatch{}
	p.sealLocked(b, 1<<10)
	b.buildRecords(sendLimits{})
	require.Len(t, b.encoded.Records, 3)
	require.NotEmpty(t, b.encoded.Records[0].Headers)
	records := b.records

	e.withdrawRestLocked(first)
	b.buildRecords(sendLimits{})
	require.Len(t, b.encoded.Records, 2)
	assert.Equal(t, "second", string(b.encoded.Records[0].Value))
	assert.Empty(t, b.encoded.Records[0].Headers)
	assert.Equal(t, "third", string(b.encoded.Records[1].Value))
	assert.Len(t, b.encoded.Records[1].Headers, 1)

	e.withdrawRestLocked(second)
	e.withdrawRestLocked(third)
	require.Equal(t, []*recordBatch{b}, e.batchPool.free, "kept for others")
	for i := range records {
		assert.Equal(t, sarama.Record{}, records[i], "record %d", i)
	}
}

// The timestamp of a record batch is that of its newest record, also where a
// clock that was ahead has been set right.
func TestRecordBatch_timestamps(t *testing.T) {
	p := testPartition()
	for _, stamp := range []int64{1000, 9000, 5000} {
		enqueueGroup(p, []producer.Message{{Value: []byte("a")}}, make(settleCounts, 1)).timestamp = stamp
	}
	b := &recordBatch{}
	p.sealLocked(b, 1<<10)
	b.buildRecords(sendLimits{})
	assert.Equal(t, time.UnixMilli(1000), b.encoded.FirstTimestamp)
	assert.Equal(t, time.UnixMilli(9000), b.encoded.MaxTimestamp)
	var deltas []time.Duration
	for _, r := range b.encoded.Records {
		deltas = append(deltas, r.TimestampDelta)
	}
	assert.Equal(t, []time.Duration{0, 8 * time.Second, 4 * time.Second}, deltas)
}
