package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A broker stops answering and its partitions get other leaders: delivery goes
// on with those, long before the time-out of what was asked of the old one.
// What that had already written is not written twice.
func TestStall_leadersMoved(t *testing.T) {
	for name, start := range map[string]func(*forwardertest.Kafka) *forwardertest.Fault{
		"silent": func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Silence(0) },
		"written, and then silent": func(k *forwardertest.Kafka) *forwardertest.Fault {
			return k.WithholdAnswers(forwardertest.Produce, forwardertest.UntilStopped, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			f := open(t, k)
			var l ledger
			for user := range int64(24) {
				l.send(t.Context(), t, f, user+1, 10)
			}
			l.waiting.Wait()
			fault := start(k)
			defer fault.Stop()
			began := time.Now()
			for i := range 240 {
				l.send(t.Context(), t, f, int64(i%24+1), 10)
			}
			// As in Kafka, the others notice after a while.
			<-time.After(500 * time.Millisecond)
			for _, p := range []int32{0, 3, 6, 9} {
				require.NoError(t, k.MoveLeader("events", p, 1+int(p)/3%2))
			}
			require.NoError(t, f.Shutdown(within(t, 60*time.Second)))
			t.Logf("all acknowledged after %v", time.Since(began))
			if !racing {
				assert.Less(t, time.Since(began), machine.Allow(10*time.Second, began))
			}
			fault.Stop()
			assert.Equal(t, tally{acknowledged: 264}, l.check(t, k, 12))
		})
	}
}

// The same without another leader: the broker is asked again when the time for
// its answer is over, and other partitions do not wait.
func TestStall_answersAgain(t *testing.T) {
	long(t)
	t.Parallel()
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	f := open(t, k)
	var l ledger
	l.send(t.Context(), t, f, userOn(0, 12, 0), 10)
	l.send(t.Context(), t, f, userOn(1, 12, 0), 10)
	l.waiting.Wait()
	fault := k.Silence(0)
	stuck := l.send(t.Context(), t, f, userOn(0, 12, 0), 10)
	for range 20 {
		e, b := l.make(t, userOn(1, 12, 0), 10)
		l.note(e, f.Forward(within(t, time.Minute), b))
		require.NoError(t, e.err)
	}
	assert.False(t, stuck.decided)
	fault.Stop()
	require.NoError(t, f.Shutdown(within(t, 60*time.Second)))
	assert.Equal(t, tally{acknowledged: 23}, l.check(t, k, 12))
}
