package delivery

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// passing are faults that end by themselves.
var passing = map[string]func(*forwardertest.Kafka) *forwardertest.Fault{
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
}

// Nil comes only when all in-sync replicas have it, and every passing fault
// ends in nil: one message in Kafka, in its place.
func TestFault_passing(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		for name, start := range passing {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
				f := p.open(t, k)
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
	})
}

// While the brokers refuse, Forward does not return nil. What they have
// certainly not written comes back with the caller; what may be written goes on
// and is, once, without being sent again.
func TestFault_notBeforeAllReplicas(t *testing.T) {
	for name, c := range map[string]struct {
		producer delivering
		code     int16
		there    bool // while it is refused
		want     tally
	}{
		"NOT_ENOUGH_REPLICAS":                     {engine, 19, false, tally{notSent: 1}},
		"NOT_ENOUGH_REPLICAS, Sarama's producer":  {stock, 19, false, tally{acknowledged: 1}},
		"LEADER_NOT_AVAILABLE":                    {engine, 5, false, tally{acknowledged: 1}},
		"NOT_ENOUGH_.._AFTER_APPEND":              {engine, 20, true, tally{acknowledged: 1}},
		"NOT_ENOUGH_..AFTER.., Sarama's producer": {stock, 20, true, tally{acknowledged: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			f := c.producer.open(t, k)
			var l ledger
			fault := k.Fail(forwardertest.Produce, c.code, forwardertest.UntilStopped)
			e, b := l.make(t, 1, 10)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			f.ForwardAsync(ctx, b, func(err error) { done <- err })
			if c.want.notSent > 0 {
				amidPause(t, fault)
			} else {
				<-time.After(patience)
			}
			cancel()
			err := <-done
			require.ErrorIs(t, err, context.Canceled)
			l.note(e, err)
			assert.Equal(t, c.there, len(k.Messages(t, "events")) > 0)
			fault.Stop()
			l.settle(within(t, time.Minute))
			assert.Equal(t, c.want, l.check(t, k, 12))
		})
	}
}
