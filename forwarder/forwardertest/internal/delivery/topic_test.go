package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A topic is deleted and made again while batches are forwarded: what waited
// for it is written to the new one.
func TestTopic_madeAgain(t *testing.T) {
	for name, partitions := range map[string]int32{"as before": 12, "with more partitions": 24} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			f := open(t, k)
			var l ledger
			for user := range int64(40) {
				l.send(t.Context(), t, f, user+1, 10)
			}
			l.waiting.Wait()
			require.NoError(t, k.DeleteTopic("events"))
			for user := range int64(40) {
				l.send(t.Context(), t, f, user+1, 10)
			}
			<-time.After(300 * time.Millisecond)
			require.NoError(t, k.CreateTopic("events", partitions))
			start := time.Now()
			l.waiting.Wait()
			t.Logf("after %v", time.Since(start))
			for _, e := range l.entries[40:] {
				require.NoError(t, e.err)
			}
			for user := range int64(40) {
				l.send(t.Context(), t, f, user+1, 10)
			}
			require.NoError(t, f.Shutdown(within(t, time.Minute)))
			assert.Len(t, k.Messages(t, "events"), 80, "what was there went with the first topic")
		})
	}
}
