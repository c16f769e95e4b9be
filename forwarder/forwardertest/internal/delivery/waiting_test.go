package delivery

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// What keeps delivery waiting is visible: to the observer within 5 seconds, in
// the log, and as the wrapped cause of a deadline error.
func TestWaiting_isTold(t *testing.T) {
	long(t)
	for name, c := range map[string]struct {
		producer delivering
		start    func(*forwardertest.Kafka) *forwardertest.Fault
		says     string
	}{
		"silent":                                 {engine, outages["silent"], "no answer"},
		"unreachable":                            {engine, outages["unreachable"], "connection refused"},
		"leaderless":                             {engine, outages["leaderless"], "leader"},
		"NOT_ENOUGH_REPLICAS":                    {engine, replicasMissing, "fewer in-sync replicas"},
		"silent, Sarama's producer":              {stock, outages["silent"], "no answer"},
		"NOT_ENOUGH_REPLICAS, Sarama's producer": {stock, replicasMissing, "no acknowledgement"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			var out log
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var mu sync.Mutex
			var told []forwarder.WaitInfo
			var at []time.Time
			f := c.producer.open(t, k, out.option(),
				forwarder.WithObserver(forwarder.Observer{Waiting: func(_ context.Context, i forwarder.WaitInfo) {
					mu.Lock()
					defer mu.Unlock()
					told, at = append(told, i), append(at, time.Now())
					if strings.Contains(i.Cause.Error(), c.says) {
						cancel() // that was to wait for
					}
				}}))
			var l ledger
			user := userOn(3, 12, 0)
			l.send(t.Context(), t, f, user, 10)
			l.waiting.Wait()

			fault := c.start(k)
			began := time.Now()
			e, b := l.make(t, user, 10)
			e.err = f.Forward(ctx, b)
			l.note(e, e.err)
			require.ErrorIs(t, e.err, ctx.Err())
			require.ErrorContains(t, e.err, c.says)
			mu.Lock()
			defer mu.Unlock()
			require.NotEmpty(t, told)
			causes := map[string]bool{} // a broker may take too long to answer if the machine is busy
			for _, i := range told {
				causes[i.Cause.Error()] = true
			}
			if !racing {
				assert.Less(t, at[0].Sub(began), machine.Allow(5*time.Second, began))
				assert.ErrorContains(t, told[0].Cause, c.says)
			}
			assert.Equal(t, int32(3), told[0].Partition)
			assert.WithinDuration(t, began, told[0].Since, machine.Allow(time.Second, began))
			assert.NotEmpty(t, told[0].Next)
			require.Eventually(t, func() bool { return strings.Contains(out.text(), c.says) }, time.Minute, time.Millisecond,
				"it comes behind the observer")
			assert.LessOrEqual(t, len(out.lines()), len(causes), "one line for each cause and half minute")
			fault.Stop()
			l.settle(within(t, 60*time.Second))
			require.NoError(t, f.Shutdown(within(t, 60*time.Second)))
			l.check(t, k, 12)
		})
	}
}

// Neither payload nor password is ever logged or part of an error.
func TestWaiting_noSecrets(t *testing.T) {
	long(t)
	t.Parallel()
	k := forwardertest.NewKafka(t)
	var out log
	f, err := forwarder.New(within(t, time.Minute), k.Settings(), out.option())
	require.NoError(t, err)
	defer f.Close()
	var l ledger
	l.send(t.Context(), t, f, 7, 10)
	l.waiting.Wait()
	require.NoError(t, k.SetPassword(within(t, time.Minute), "another-password"))
	k.CutConnections()
	e, b := l.make(t, 7, 100)
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	err = f.Forward(ctx, b)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	text := out.text() + err.Error()
	assert.Contains(t, text, "user")
	assert.NotContains(t, text, k.Settings().Password.Reveal())
	assert.NotContains(t, text, "another-password")
	assert.NotContains(t, text, e.data[40:])
	assert.NotContains(t, text, "custom_event")
}
