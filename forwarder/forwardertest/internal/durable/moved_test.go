package durable

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/partition"
)

// What a former process may have written stays in its partition, and what comes
// after it for the same user waits for it also where partitions were added since.
func TestStore_movedBehindWhatIsRecovered(t *testing.T) {
	const partitions = 12
	k, dir := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 1)), t.TempDir()
	var onOther []int // users who move to partitions 5 and 7
	for user := 1; len(onOther) < 2; user++ {
		if partition.Murmur2(fmt.Append(nil, user), partitions) == 5+2*int32(len(onOther)) { // 5, and 7
			onOther = append(onOther, user)
		}
	}
	numbered := func(user, n int) *batch.Batch {
		b, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"events":[{"event_type":"custom_event","data":{"n":%d}}]}`, user, n))
		require.NoError(t, err)
		return b
	}
	lost := k.LoseAnswers(forwardertest.Produce, forwardertest.UntilStopped)
	s := openSpool(t, dir, small())
	f := start(t, k, s)
	require.NoError(t, f.Store(t.Context(), numbered(onOther[0], 0)))
	require.NoError(t, lost.Wait(within(t, patience), 1))
	require.NoError(t, f.Close())
	require.NoError(t, s.Close())
	lost.Stop()

	require.NoError(t, k.AddPartitions(t.Context(), "events", partitions))
	away := k.Leaderless("events", 0)
	f = start(t, k, openSpool(t, dir, small()))
	require.NoError(t, f.Store(t.Context(), numbered(onOther[0], 1)))
	require.NoError(t, f.Forward(within(t, patience), numbered(onOther[1], 2)), "another user waits for nothing")
	require.NoError(t, f.Forward(within(t, patience), numbered(onOther[1], 3)), "another user waits for nothing")
	assert.Equal(t, 2, f.Spool().Stats().Messages)
	away.Stop()
	drainAll(t, f)
	messages := k.Messages(t, "events")
	assert.Len(t, messages, 4)
	forwardertest.NoDuplicates(t, messages, member)
}
