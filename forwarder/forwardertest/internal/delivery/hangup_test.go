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
)

// A connection that was closed while nothing was sent on it, as brokers and load
// balancers do, costs the next message one more connection and no pause.
func TestHangUp_idle(t *testing.T) {
	for name, hangUp := range map[string]func(*forwardertest.Kafka, *loadBalancer){
		"closed": func(_ *forwardertest.Kafka, d *loadBalancer) { d.closeAll() },
		"reset":  func(k *forwardertest.Kafka, _ *loadBalancer) { k.CutConnections() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			d := newLoadBalancer(t, k.Servers()[0])
			var waits atomic.Int64
			f := open(t, k, d.through(), forwarder.WithObserver(forwarder.Observer{
				Waiting: func(context.Context, forwarder.WaitInfo) { waits.Add(1) },
			}))
			var l ledger
			for range 5 {
				e, b := l.make(t, 7, 10)
				l.note(e, f.Forward(within(t, time.Minute), b))
				require.NoError(t, e.err)

				before := d.count()
				hangUp(k, d)
				e, b = l.make(t, 7, 10)
				start := time.Now()
				l.note(e, f.Forward(within(t, time.Minute), b))
				require.NoError(t, e.err)
				if !racing {
					assert.Less(t, time.Since(start), machine.Allow(time.Second, start))
				}
				// One for messages. Another, if news of the leaders are asked for.
				assert.LessOrEqual(t, d.count()-before, 2)
			}
			assert.Zero(t, waits.Load())
			assert.Equal(t, tally{acknowledged: 10}, l.check(t, k, 12))
		})
	}
}

// A proxy that takes connections and hangs up at once, as one does that has no
// broker behind it: it is tried again, with pauses, until there is one.
func TestHangUp_atOnce(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		t.Parallel()
		k := forwardertest.NewKafka(t)
		d := newLoadBalancer(t, k.Servers()[0])
		f := p.open(t, k, d.through())
		var l ledger
		for i := range 20 {
			l.send(t.Context(), t, f, int64(i+1), 10)
		}
		l.waiting.Wait()
		d.setClosing(true)
		d.closeAll()
		before, start := d.count(), time.Now()
		for i := range 20 {
			l.send(t.Context(), t, f, int64(i+1), 10)
		}
		<-time.After(2 * time.Second)
		tried, took := d.count()-before, time.Since(start)
		t.Logf("%d connections in %v", tried, took)
		assert.Less(t, float64(tried), float64(p.share(20, 50))*max(2, took.Seconds()), "with pauses")
		require.Eventually(t, func() bool { return d.count()-before > 3 }, time.Minute, time.Millisecond)
		d.setClosing(false)
		start = time.Now()
		require.NoError(t, f.Shutdown(within(t, time.Minute)))
		if !racing {
			assert.Less(t, time.Since(start), machine.Allow(3*time.Second, start))
		}
		assert.Equal(t, tally{acknowledged: 40}, l.check(t, k, 12))
	})
}
