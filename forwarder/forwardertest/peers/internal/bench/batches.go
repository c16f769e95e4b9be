package bench

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// batches are those that a client has read.
type batches struct{ number, bytes atomic.Int64 }

var _ kgo.HookFetchBatchRead = (*batches)(nil)

// OnFetchBatchRead implements [kgo.HookFetchBatchRead].
func (b *batches) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.FetchBatchMetrics) {
	b.number.Add(1)
	b.bytes.Add(int64(m.UncompressedBytes))
}

// mean is how many bytes of records a batch has, before compression.
func (b *batches) mean() float64 {
	if n := b.number.Load(); n > 0 {
		return float64(b.bytes.Load()) / float64(n)
	}
	return 0
}
