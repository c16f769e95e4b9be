package engine

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fetchedBatch is a record batch in an answer.
type fetchedBatch struct {
	offset   int64
	records  int32
	producer int64
	epoch    int16
	first    int32
	magic    byte
	late     uint64 // the largest timestamp
}

func (b fetchedBatch) bytes() []byte {
	e := binary.BigEndian
	body := e.AppendUint32(nil, 3) // leader epoch
	body = append(body, b.magic)
	body = append(body, make([]byte, 4+2)...) // checksum, attributes
	body = e.AppendUint32(body, uint32(b.records-1))
	body = e.AppendUint64(body, 0) // first timestamp
	body = e.AppendUint64(body, b.late)
	body = e.AppendUint64(body, uint64(b.producer))
	body = e.AppendUint16(body, uint16(b.epoch))
	body = e.AppendUint32(body, uint32(b.first))
	body = e.AppendUint32(body, uint32(b.records))
	body = append(body, "whatever is compressed here"...)
	return append(e.AppendUint32(e.AppendUint64(nil, uint64(b.offset)), uint32(len(body))), body...)
}

func batchesOf(list ...fetchedBatch) (b []byte) {
	for _, one := range list {
		b = append(b, one.bytes()...)
	}
	return b
}

// fetchAnswer is an answer as Kafka gives it.
func fetchAnswer(topic string, partition int32, code sarama.KError, highWatermark int64, records []byte) []byte {
	e := binary.BigEndian
	b := e.AppendUint32(nil, 0) // throttle time
	b = e.AppendUint32(b, 1)
	b = append(e.AppendUint16(b, uint16(len(topic))), topic...)
	b = e.AppendUint32(b, 1)
	b = e.AppendUint32(b, uint32(partition))
	b = e.AppendUint16(b, uint16(code))
	b = e.AppendUint64(b, uint64(highWatermark))
	b = e.AppendUint64(b, uint64(highWatermark)) // last stable offset
	b = e.AppendUint32(b, 1)                     // aborted transactions
	b = e.AppendUint64(e.AppendUint64(b, 5), 6)
	return append(e.AppendUint32(b, uint32(len(records))), records...)
}

// ours is the record batch that is asked about in these tests.
var (
	ours      = fetchedBatch{offset: 50, records: 3, producer: 7, epoch: 2, first: 100, magic: 2, late: 30}
	oursQuery = logQuery{topic: "events", partition: 4, producerID: 7, epoch: 2, firstSequence: 100, timestamp: 29, smallest: 3, largest: 3}
)

func TestReadFetched(t *testing.T) {
	answer := fetchAnswer("events", 4, sarama.ErrNotLeaderForPartition, 53, []byte("records"))
	f, err := readFetched(answer, "events", 4)
	require.NoError(t, err)
	assert.Equal(t, fetchedLog{code: sarama.ErrNotLeaderForPartition, highWatermark: 53, records: []byte("records")}, f)
	for end := range answer {
		_, err := readFetched(answer[:end], "events", 4)
		require.ErrorIs(t, err, errOddLogAnswer, "%d bytes", end)
	}
	_, err = readFetched(answer, "event", 4)
	assert.ErrorIs(t, err, errOddLogAnswer)
	_, err = readFetched(answer, "events", 3)
	assert.ErrorIs(t, err, errOddLogAnswer)

	none := fetchAnswer("events", 4, sarama.ErrNoError, 53, nil)
	binary.BigEndian.PutUint32(none[len(none)-4:], math.MaxUint32) // -1
	f, err = readFetched(none, "events", 4)
	require.NoError(t, err)
	assert.Empty(t, f.records)
}

// Record batches are passed over by their sizes. What is no log is refused.
func TestFetchedLog_find(t *testing.T) {
	before, behind := fetchedBatch{offset: 45, records: 5, producer: 7, epoch: 2, first: 95, magic: 2}, ours
	behind.offset, behind.first = 53, 103
	old := fetchedBatch{offset: 49, records: 90, producer: 7, epoch: 2, first: 100, magic: 1}
	other, older, again := ours, ours, ours
	again.late = 28
	other.producer, older.epoch = 8, 1
	for name, c := range map[string]struct {
		records []byte
		from    int64
		found   bool
		next    int64
		odd     bool
	}{
		"nothing":                  {nil, 45, false, 45, false},
		"alone":                    {batchesOf(ours), 50, true, 53, false},
		"from the middle on":       {batchesOf(ours), 52, true, 53, false},
		"behind another":           {batchesOf(before, ours, behind), 45, true, 53, false},
		"not there":                {batchesOf(before, other), 45, false, 53, false},
		"another epoch":            {batchesOf(older), 45, false, 53, false},
		"the numbers of before":    {batchesOf(again), 45, false, 53, false},
		"an old format":            {batchesOf(old, ours), 49, true, 53, false},
		"cut off":                  {batchesOf(before, ours)[:2*len(ours.bytes())-1], 45, false, 50, false},
		"cut off in its prefix":    {batchesOf(before, ours)[:len(ours.bytes())+11], 45, false, 50, false},
		"nothing new":              {batchesOf(before), 50, false, 0, true},
		"backwards":                {batchesOf(other, before), 45, false, 0, true},
		"a negative offset":        {batchesOf(fetchedBatch{offset: -3, records: 90, magic: 2}), 0, false, 0, true},
		"no records":               {batchesOf(fetchedBatch{offset: 45, magic: 2}), 45, false, 0, true},
		"fewer than none":          {batchesOf(fetchedBatch{offset: 45, records: math.MinInt32 + 1, magic: 2}), 45, false, 0, true},
		"an offset behind the end": {batchesOf(fetchedBatch{offset: math.MaxInt64 - 1, records: 3, magic: 2}), 45, false, 0, true},
		"a size of 0":              {make([]byte, 100), 0, false, 0, true},
		"a negative size":          {append(make([]byte, 8), 0xff, 0xff, 0xff, 0xff, 0, 0, 0), 0, false, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := fetchedLog{highWatermark: 60, records: c.records}
			a, next, err := f.find(&oursQuery, c.from)
			if c.odd {
				require.ErrorIs(t, err, errOddLogAnswer)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.next, next)
			assert.Equal(t, int64(60), a.highWatermark)
			assert.Equal(t, c.found, a.found)
			if c.found {
				assert.Equal(t, logAnswer{found: true, offset: 50, records: 3, highWatermark: 60, lastSequence: noSequence}, a)
			}
		})
	}
}

// The request that Kafka 0.11 to 4 read.
func TestFetchRequest(t *testing.T) {
	assert.Equal(t, []byte{
		0xff, 0xff, 0xff, 0xff, // no replica
		0, 0, 1, 0xf4, // 500 ms
		0, 0, 0, 1, // at least a byte
		0, 0x10, 0, 0, // at most 1 MiB
		0,          // also what is not committed
		0, 0, 0, 1, // topic
		0, 1, 't',
		0, 0, 0, 1, // partition
		0, 0, 0, 4,
		0, 0, 0, 0, 0, 0, 1, 0,
		0, 0x10, 0, 0,
	}, fetchRequest("t", 4, 256, maxFetchBytes))
}

// Whatever a broker answers is read within its bounds, and what is found is in it.
func FuzzFetched(f *testing.F) {
	f.Add(fetchAnswer("events", 4, sarama.ErrNoError, 53, batchesOf(ours)), int64(50))
	f.Add(fetchAnswer("events", 4, sarama.ErrNoError, 53, batchesOf(ours)[:40]), int64(50))
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, answer []byte, from int64) {
		fetched, err := readFetched(answer, "events", 4)
		if err != nil {
			return
		}
		a, next, err := fetched.find(&oursQuery, from)
		if err != nil {
			return
		}
		if next < from || a.found && (a.offset < 0 || a.records < 1 || a.offset+int64(a.records) != next) {
			t.Errorf("%+v, then %d after %d", a, next, from)
		}
		oursQuery.written(&a)
	})
}
