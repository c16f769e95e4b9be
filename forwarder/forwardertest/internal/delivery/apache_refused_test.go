package delivery

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// apacheRefusedAlone: a message that brokers refuse for its own sake fails
// alone; those that were gathered with it are written, in order.
func apacheRefusedAlone(t *testing.T, k *apachekafka.Cluster) {
	for name, c := range map[string]struct {
		configs   map[string]string
		bad       func(*testing.T, *ledger) *batch.Batch
		linger    time.Duration // all travel together
		age       time.Duration // of the bad one when the others come
		code      sarama.KError
		permanent bool
	}{
		"too large": {
			map[string]string{"max.message.bytes": "50000"},
			func(t *testing.T, l *ledger) *batch.Batch { return madeBy(l.make(t, 7, 80_000)) },
			time.Second, 0, sarama.ErrMessageSizeTooLarge, true,
		},
		"no key on a compacted topic": {
			map[string]string{"cleanup.policy": "compact"},
			func(t *testing.T, _ *ledger) *batch.Batch { return keyless(t) },
			time.Second, 0, sarama.ErrInvalidRecord, true,
		},
		"too old": { // a later timestamp mends that
			map[string]string{"message.timestamp.before.max.ms": "3000"},
			func(t *testing.T, l *ledger) *batch.Batch { return madeBy(l.make(t, 7, 10)) },
			4 * time.Second, 3600 * time.Millisecond, sarama.ErrInvalidTimestamp, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := ledger{topic: "refused-" + topicNames[c.code]}
			require.NoError(t, k.CreateTopic(within(t, time.Minute), l.topic, 1, c.configs))
			s := k.Settings(l.topic)
			s.Delivery.Linger, s.Delivery.Compression = c.linger, "none"
			f := engine.start(t, s)
			ctx := within(t, time.Minute)
			good := func(n int) {
				for range n {
					l.send(ctx, t, f, 7, 10)
				}
			}
			if c.age == 0 {
				good(5)
			}
			refused := make(chan error, 3)
			for range cap(refused) {
				f.ForwardAsync(ctx, c.bad(t, &l), func(err error) { refused <- err })
			}
			<-time.After(c.age)
			good(5)
			for range cap(refused) {
				err := <-refused
				require.ErrorIs(t, err, c.code)
				assert.Equal(t, c.permanent, forwarder.Permanent(err))
				assert.True(t, forwarder.NothingSent(err))
				t.Log(err)
			}
			l.waiting.Wait()
			sent := 0
			for _, e := range l.entries {
				if e.decided {
					assert.NoError(t, e.err)
					sent++
				}
			}
			got := k.Messages(t, l.topic)
			assert.Len(t, got, sent)
			last := -1
			for _, m := range got {
				n := number(t, m.Value)
				assert.Greater(t, n, last)
				last = n
			}
		})
	}
}

var topicNames = map[sarama.KError]string{
	sarama.ErrMessageSizeTooLarge: "large", sarama.ErrInvalidRecord: "keyless", sarama.ErrInvalidTimestamp: "old",
}

func madeBy(_ *entry, b *batch.Batch) *batch.Batch { return b }
