package delivery

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// Brokers that end sessions (connections.max.reauth.ms) get their proof of
// identity again on the connections there are: no error, no loss, no wait.
func TestReauthentication(t *testing.T) {
	long(t)
	for _, m := range []settings.Method{settings.Plain, settings.SCRAMSHA512} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3),
				forwardertest.WithBrokerConfig("connections.max.reauth.ms", "1000"))
			f := engine.start(t, k.SettingsFor(m))
			before := k.Requests(forwardertest.SASLAuthenticate)
			var l ledger
			began := time.Now()
			slowest := stream(t, f, &l, 4*time.Second)
			t.Logf("%d batches, the slowest took %v; %d requests to authenticate", len(l.entries), slowest,
				k.Requests(forwardertest.SASLAuthenticate)-before)
			assert.Greater(t, k.Requests(forwardertest.SASLAuthenticate)-before, 9, "each of three connections several times")
			require.NoError(t, f.Shutdown(within(t, time.Minute)))
			assert.Equal(t, tally{acknowledged: len(l.entries)}, l.check(t, k, 12))
			if !racing {
				assert.Less(t, slowest, machine.Allow(time.Second, began))
			}
		})
	}
}

// stream forwards for a while, from several goroutines that each wait, and
// returns how long the slowest call took. None may fail.
func stream(t *testing.T, f *forwarder.Forwarder, l *ledger, d time.Duration) (slowest time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var work sync.WaitGroup
	end := time.Now().Add(d)
	for user := range int64(6) {
		work.Go(func() {
			for time.Now().Before(end) {
				e, b := l.make(t, user+1, 200)
				start := time.Now()
				err := f.Forward(within(t, time.Minute), b)
				took := time.Since(start)
				l.note(e, err)
				assert.NoError(t, err)
				mu.Lock()
				slowest = max(slowest, took)
				mu.Unlock()
				<-time.After(10 * time.Millisecond)
			}
		})
	}
	work.Wait()
	return slowest
}
