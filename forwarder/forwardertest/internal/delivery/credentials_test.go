package delivery

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// Credentials that do not come keep only those waiting who need them: the
// connections there are go on, and Close does not wait.
func TestCredentials_blocked(t *testing.T) {
	for _, m := range []settings.Method{settings.Plain, settings.SCRAMSHA512} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			s := k.SettingsFor(m)
			userName, password := s.UserName, s.Password
			s.UserName, s.Password = "", settings.Secret{}
			var blocked atomic.Bool
			open := make(chan struct{})
			t.Cleanup(func() { close(open) })
			f := engine.start(t, s, forwarder.WithCredentials(func(context.Context) (string, settings.Secret, error) {
				if blocked.Load() {
					<-open
				}
				return userName, password, nil
			}))
			var l ledger
			for p := range int32(12) {
				l.send(t.Context(), t, f, userOn(p, 12, 0), 10)
			}
			l.waiting.Wait()
			blocked.Store(true)
			k.CutConnections(0)
			stuck := l.send(t.Context(), t, f, userOn(3, 12, 0), 10)
			for range 20 {
				e, b := l.make(t, userOn(1, 12, 0), 10)
				l.note(e, f.Forward(within(t, time.Minute), b))
				require.NoError(t, e.err)
			}
			start := time.Now()
			require.NoError(t, f.Close())
			if !racing {
				assert.Less(t, time.Since(start), machine.Allow(time.Second, start))
			}
			require.ErrorIs(t, stuck.err, forwarder.ErrClosed)
			l.check(t, k, 12)
		})
	}
}
