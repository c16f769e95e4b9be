package delivery

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/internal/asyncproducer"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// acks counts what is acknowledged and notes what is not.
type acks struct {
	t  testing.TB
	ok atomic.Int64
}

func (a *acks) Settle(_ int, r producer.Result) {
	assert.Equal(a.t, producer.Acknowledged, r.Outcome, "%v", r.Err)
	a.ok.Add(1)
}

// Worked round: AsyncProducer's sequence numbers turn negative after 2^31
// messages of a partition. A new producer takes over before, without a gap, a
// duplicate or a change of order; here after 500 messages, under faults.
func TestLimit_sequenceNumbers(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("events", 3))
	s := k.Settings()
	tc, err := s.TLS.Config()
	require.NoError(t, err)
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_7_0_0
	cfg.Net.TLS.Enable, cfg.Net.TLS.Config = true, tc
	cfg.Net.SASL.Enable, cfg.Net.SASL.User, cfg.Net.SASL.Password = true, s.UserName, s.Password.Reveal()
	cfg.Net.MaxOpenRequests = 1
	cfg.Metadata.Full = false
	cfg.Producer.Idempotent, cfg.Producer.RequiredAcks = true, sarama.WaitForAll
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	cfg.Producer.Return.Successes = true
	cfg.Producer.Retry.Max = 1000
	cfg.Producer.Retry.BackoffFunc = func(int, int) time.Duration { return 20 * time.Millisecond }
	p, err := asyncproducer.New(asyncproducer.Config{
		Servers: k.Servers(), Topic: "events", Sarama: cfg, RenewAfter: 500,
	})
	require.NoError(t, err)
	defer p.Close()

	const n = 20_000
	all := &acks{t: t}
	for i := range n {
		if i%2000 == 1000 {
			k.LoseAnswers(forwardertest.Produce, 1)
			k.MoveLeaders()
		}
		p.Submit(&producer.Group{
			Messages: []producer.Message{{Key: strconv.AppendInt(nil, int64(i%10), 10), Value: strconv.AppendInt(nil, int64(i), 10)}},
			Owner:    all,
		})
		if i%100 == 0 {
			<-time.After(time.Millisecond)
		}
	}
	require.Eventually(t, func() bool { return all.ok.Load() == n }, time.Minute, 10*time.Millisecond)
	assert.Greater(t, k.Requests(forwardertest.InitProducerID), n/3/1000, "producers took over")
	messages := k.Messages(t, "events")
	assert.Len(t, messages, n)
	last := map[string]int{}
	for _, m := range messages {
		i, err := strconv.Atoi(string(m.Value))
		require.NoError(t, err)
		before, ok := last[string(m.Key)]
		assert.True(t, !ok && i < 10 || i == before+10, "%d after %d", i, before)
		last[string(m.Key)] = i
	}
}
