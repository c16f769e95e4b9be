package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// Each partition has a producer id of its own. Brokers that are far away do not
// give them out one after the other.
func TestMany_partitions(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 200))
	f := open(t, k)
	defer k.SlowAnswers(50 * time.Millisecond).Stop()
	var l ledger
	start := time.Now()
	for user := range int64(1000) {
		l.send(t.Context(), t, f, user+1, 10)
	}
	require.NoError(t, f.Shutdown(within(t, time.Minute)))
	t.Logf("after %v", time.Since(start))
	if !racing {
		assert.Less(t, time.Since(start), machine.Allow(5*time.Second, start), "one after the other would take ten")
	}
	assert.Equal(t, tally{acknowledged: 1000}, l.check(t, k, 200))
}
