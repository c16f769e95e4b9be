package engine

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/stretchr/testify/assert"
)

func TestRequestSize(t *testing.T) {
	const most = 1_000_000
	now := time.Now()
	var s requestSize
	assert.Equal(t, most, s.bound(most), "nothing was lost")

	s.lost(800_000, false, now)
	assert.Equal(t, 400_000, s.bound(most), "half of the lost one")
	s.lost(400_000, false, now)
	s.lost(800_000, false, now)
	assert.Equal(t, 200_000, s.bound(most), "a larger one that could not be split changes nothing")
	s.answered(1_000, most, now)
	assert.Equal(t, 200_000, s.bound(most), "a small answer says nothing")
	for range 3 {
		s.answered(s.limit, most, now)
	}
	assert.Equal(t, most, s.bound(most), "no size was too large")

	s.lost(800_000, true, now)
	for range 10 {
		s.answered(s.limit, most, now)
	}
	assert.Equal(t, 600_000, s.bound(most), "below the one that was too large")
	later := now.Add(minTooLargeHold)
	s.answered(s.limit, most, later)
	assert.Equal(t, most, s.bound(most), "tried again")
	s.lost(900_000, true, later)
	assert.Equal(t, later.Add(2*minTooLargeHold), s.until, "the next time only after twice as long")
	s.answered(950_000, most, later)
	assert.Zero(t, s.tooLarge, "it was not too large after all")

	s.lost(1, true, now)
	assert.Equal(t, 1, s.bound(most), "one message always goes")
}

func TestLossFrom(t *testing.T) {
	for err, want := range map[error]connectionLoss{
		io.EOF:                                    lossByBroker,
		&net.OpError{Err: syscall.ECONNRESET}:     lossByBroker,
		&net.OpError{Err: syscall.EPIPE}:          lossByBroker,
		sarama.ErrNotConnected:                    lossByAbort,
		&net.OpError{Err: net.ErrClosed}:          lossByAbort,
		&net.OpError{Err: os.ErrDeadlineExceeded}: lossByTimeout,
	} {
		assert.Equal(t, want, lossFrom(fmt.Errorf("reading: %w", err)), "%v", err)
	}
}

func TestRecordBatchPool_splitBytes(t *testing.T) {
	p := testPartition()
	for _, size := range []int{100, 100, 500, 100} {
		enqueueGroup(p, []producer.Message{{Value: make([]byte, size)}}, make(settleCounts, 1))
	}
	b := &recordBatch{mayBeWritten: true}
	p.sealLocked(b, 1<<10<<10)
	var pool recordBatchPool
	var counts []int
	for _, part := range pool.splitBytes(b, 500) {
		assert.True(t, part.mayBeWritten)
		counts = append(counts, part.count)
	}
	assert.Equal(t, []int{2, 1, 1}, counts, "a message that is larger goes alone")
}

func TestClosedOnRequestError(t *testing.T) {
	err := closedOnRequestError(bytes.NewBufferString("broker 1 at b1:9093"), 1_046_600, sarama.CompressionZSTD, io.EOF)
	assert.EqualError(t, err, "broker 1 at b1:9093 closed the connection on a request of 1046600 bytes (before compression with zstd): "+
		"set delivery.max_request_bytes to the broker's socket.request.max.bytes if that is lower: EOF")
	assert.ErrorIs(t, err, io.EOF)
}
