//go:build unix

package cost

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/internal/engine"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/saramaconfig"
	"github.com/eventferry/eventferry/forwarder/internal/tlsbuffer"
	"github.com/eventferry/eventferry/settings"
)

// newProducer starts the producer that a forwarder with these settings has.
func newProducer(b *testing.B, s settings.Settings) producer.Producer {
	s = s.WithDefaults()
	tc, err := s.TLS.Config()
	require.NoError(b, err)
	cfg, err := saramaconfig.Config(s, &tlsbuffer.Dialer{TLS: tc}, &auth.SCRAM{UserName: s.UserName, Password: s.Password})
	require.NoError(b, err)
	p, err := engine.New(engine.Config{Servers: s.Servers(), Topic: s.TopicName, Sarama: cfg, MaxRequestBytes: s.Delivery.MaxRequestBytes})
	require.NoError(b, err)
	b.Cleanup(func() { _ = p.Close() })
	return p
}

// A waiter is one caller of the seam. It takes as little as a caller can.
type waiter chan producer.Result

// Settle implements [producer.Settler].
func (w waiter) Settle(_ int, r producer.Result) { w <- r }

// deliverAll submits ready-made messages one by one and waits for all.
func (w waiter) deliverAll(p producer.Producer, messages []producer.Message) error {
	for i := range messages {
		p.Submit(&producer.Group{Messages: messages[i : i+1 : i+1], Owner: w})
	}
	var failed error
	for range messages {
		if r := <-w; r.Err != nil {
			failed = r.Err
		}
	}
	return failed
}
