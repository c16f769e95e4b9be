package cost

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// BenchmarkStats is what a scrape costs while all of 48 partitions wait: at most
// 20 µs.
func BenchmarkStats(b *testing.B) {
	const partitions = 48
	k := forwardertest.NewKafka(b, forwardertest.WithBrokers(3), forwardertest.WithTopic("events", partitions))
	s := k.Settings()
	f, err := forwarder.New(b.Context(), s, forwarder.WithPartitioner(func(key []byte, partitions int32) int32 {
		user, _ := strconv.Atoi(string(key))
		return int32(user) % partitions //nolint:gosec // small
	}))
	require.NoError(b, err)
	b.Cleanup(func() { _ = f.Close() })
	forward := func() {
		for i := range partitions {
			parsed, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"events":[{"event_type":"opt_out"}]}`, 1+i))
			require.NoError(b, err)
			f.ForwardAsync(b.Context(), parsed, nil)
		}
	}
	forward()
	require.Eventually(b, func() bool { return f.Stats().Undecided == 0 }, time.Minute, 10*time.Millisecond)
	defer k.Unreachable().Stop()
	forward()
	require.Eventually(b, func() bool { return len(f.Stats().Waits) == partitions }, time.Minute, 10*time.Millisecond)
	b.ReportAllocs()
	for b.Loop() {
		f.Stats()
	}
}
