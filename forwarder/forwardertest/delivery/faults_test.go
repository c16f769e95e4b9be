package delivery

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// Nil comes only when all in-sync replicas have it, and every passing fault
// ends in nil: one message in Kafka, in its place.
func TestFault_passing(t *testing.T) {
	for name, start := range map[string]func(*forwardertest.Kafka) *forwardertest.Fault{
		"NOT_LEADER":                func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Fail(forwardertest.Produce, 6, 3) },
		"LEADER_NOT_AVAILABLE":      func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Fail(forwardertest.Produce, 5, 3) },
		"UNKNOWN_TOPIC":             func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Fail(forwardertest.Produce, 3, 3) },
		"NOT_ENOUGH_REPLICAS":       func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Fail(forwardertest.Produce, 19, 3) },
		"NOT_ENOUGH_..AFTER_APPEND": func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Fail(forwardertest.Produce, 20, 3) },
		"REQUEST_TIMED_OUT":         func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Fail(forwardertest.Produce, 7, 3) },
		"KAFKA_STORAGE_ERROR":       func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Fail(forwardertest.Produce, 56, 3) },
		"CORRUPT_MESSAGE":           func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Fail(forwardertest.Produce, 2, 3) },
		"answer lost after append":  func(k *forwardertest.Kafka) *forwardertest.Fault { return k.LoseAnswers(forwardertest.Produce, 3) },
		"connections cut": func(k *forwardertest.Kafka) *forwardertest.Fault {
			k.CutConnections()
			return nil
		},
		"leaders moved": func(k *forwardertest.Kafka) *forwardertest.Fault {
			for p := range int32(12) {
				_ = k.MoveLeader("events", p, int(p+1)%3)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			f := open(t, k)
			var l ledger
			ctx := within(t, 60*time.Second)
			for i := range 200 {
				if i == 100 {
					l.waiting.Wait()
					if fault := start(k); fault != nil {
						defer func() { assert.Positive(t, fault.Hits()) }()
					}
				}
				l.send(ctx, t, f, int64(i%20+1), 100)
			}
			require.NoError(t, f.Shutdown(ctx))
			assert.Equal(t, tally{acknowledged: 200}, l.check(t, k, 12))
		})
	}
}

// While the brokers refuse, Forward does not return nil; once they accept, the
// message that was handed over is written, without being sent again.
func TestFault_notBeforeAllReplicas(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t)
	f := open(t, k)
	var l ledger
	fault := k.Fail(forwardertest.Produce, 19, forwardertest.UntilStopped)
	e, b := l.make(t, 1, 10)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := f.Forward(ctx, b)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	l.note(e, err)
	assert.Empty(t, k.Messages(t, "events"))
	fault.Stop()
	l.settle(within(t, 30*time.Second))
	assert.Equal(t, tally{acknowledged: 1}, l.check(t, k, 12))
}
