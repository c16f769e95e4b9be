package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A broker that is cut off from the controllers goes on telling who led before,
// and takes itself for a leader. Others know better, and are
// asked; the stock producer asks any, and so takes longer.
func TestStaleMetadata(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		if p.stock {
			long(t)
		}
		for name, early := range map[string]bool{"from the start": true, "while delivering": false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				staleMetadata(t, p, early)
			})
		}
	})
}

func staleMetadata(t *testing.T, p delivering, early bool) {
	t.Helper()
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	cutOff := func() {
		_, err := k.CutOff("events", 0)
		require.NoError(t, err)
	}
	s := k.Settings()
	s.BootstrapServers = k.Servers()[0] // the one that is cut off
	var l ledger
	if early {
		cutOff()
	}
	f := p.start(t, s)
	if !early {
		for i := range 40 {
			l.send(within(t, time.Minute), t, f, int64(i+1), 10)
		}
		l.waiting.Wait()
		cutOff()
	}
	const batches = 120
	for i := range batches {
		l.send(within(t, time.Duration(p.share(30, 180))*time.Second), t, f, int64(i%40+1), 10)
	}
	l.waiting.Wait()
	for _, e := range l.entries {
		require.NoError(t, e.err)
	}
	assert.Equal(t, len(l.entries), l.check(t, k, 12).acknowledged)
}
