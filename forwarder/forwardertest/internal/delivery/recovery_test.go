package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// However long something is missing that delivery waits for, it is noticed soon
// when it is there again.
func TestBack_isNoticed(t *testing.T) {
	long(t)
	fail := func(r forwardertest.Request, code int16) func(*forwardertest.Kafka) *forwardertest.Fault {
		return func(k *forwardertest.Kafka) *forwardertest.Fault {
			return k.Fail(r, code, forwardertest.UntilStopped)
		}
	}
	for name, c := range map[string]struct {
		start func(*forwardertest.Kafka) *forwardertest.Fault
		fresh bool // nothing is known of the cluster
	}{
		"a leader":              {func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Leaderless("events", 3) }, false},
		"all leaders":           {outages["leaderless"], false},
		"all brokers":           {outages["unreachable"], false},
		"the right to write":    {notAllowed, false},
		"at the start, brokers": {outages["unreachable"], true},
		"at the start, a right": {fail(forwardertest.Metadata, 29), true},
		"at the start, an id": {func(k *forwardertest.Kafka) *forwardertest.Fault {
			return k.LoseAnswers(forwardertest.InitProducerID, forwardertest.UntilStopped)
		}, true},
		"at the start, everything": {outages["silent"], true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			var fault *forwardertest.Fault
			if c.fresh {
				fault = c.start(k)
			}
			f := open(t, k, forwarder.WithoutProbe())
			var l ledger
			if !c.fresh {
				for p := range int32(12) {
					l.send(t.Context(), t, f, userOn(p, 12, 0), 10)
				}
				l.waiting.Wait()
				fault = c.start(k)
			}
			defer fault.Stop()
			stuck := l.send(t.Context(), t, f, userOn(3, 12, 0), 10)
			<-time.After(1500 * time.Millisecond)
			l.mu.Lock()
			assert.False(t, stuck.decided)
			l.mu.Unlock()
			fault.Stop()
			start := time.Now()
			l.waiting.Wait()
			t.Logf("after %v", time.Since(start))
			if !racing {
				assert.Less(t, time.Since(start), machine.Allow(2500*time.Millisecond, start))
			}
			require.NoError(t, stuck.err)
			l.check(t, k, 12)
		})
	}
}
