package spoolstore

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkStanding stores what comes in an hour, 2,000 small batches a second, of which one in
// twelve is for a partition without a leader and the others are done, and says what that takes
// on the disk once the maintainer has merged what is left, beyond two segments in times of what is
// pending. It stores as fast as the disk takes it, so that the maintainer lags: how far the disk
// was over twice what was pending and two segments meanwhile is told, too.
//
//	go test -run '^$' -bench Standing -benchtime 1x ./forwarder/internal/spoolstore
func BenchmarkStanding(b *testing.B) {
	const messages, partitions, size, together = 2000 * 3600, 12, 100, 2400
	for b.Loop() {
		s := openLarge(b, b.TempDir())
		e := pendingEntry(size)
		frame, over := int64(frameOf(size)), int64(0)
		left := func() int64 { return int64(s.Stats().Messages) * frame }
		for stored := 0; stored < messages; stored += together {
			var list []Range
			var last Ticket
			for i := range together {
				var err error
				if last, err = s.Add(b.Context(), e); err != nil {
					b.Fatal(err)
				}
				if i%partitions != 0 {
					list = append(list, Range{last.First, last.First + 1})
				}
			}
			require.NoError(b, last.Wait(b.Context()))
			s.Done(list, nil, End{})
			over = max(over, s.Stats().Bytes-2*left()-2*s.options.SegmentBytes)
		}
		require.NoError(b, s.Intend(nil)) // and all marks with it
		require.Equal(b, messages/partitions, s.Stats().Messages)
		require.Eventually(b, func() bool { return s.Stats().Bytes <= 2*left()+2*s.options.SegmentBytes }, time.Minute, time.Millisecond)
		b.ReportMetric(float64(left())/(1<<20), "MiB-pending")
		b.ReportMetric(float64(s.Stats().Bytes)/(1<<20), "MiB-disk")
		b.ReportMetric(float64(s.Stats().Bytes-2*s.options.SegmentBytes)/float64(left()), "times-pending")
		b.ReportMetric(float64(over)/(1<<20), "MiB-over-meanwhile")
		require.NoError(b, s.Close(context.Background()))
	}
	b.ReportMetric(0, "ns/op") // of no meaning here
}
