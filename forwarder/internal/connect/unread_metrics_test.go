package connect

import (
	"net"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A madeMetric is one of some kind, which may have to be stopped.
type madeMetric struct{ stopped int }

func (m *madeMetric) Stop() { m.stopped++ }

// There is one metric of a kind, whatever the names, and it ends with the connection.
func TestUnreadMetrics_oneOfAKind(t *testing.T) {
	made := map[string]int{}
	type histogram struct{ *madeMetric }
	type meter struct{ *madeMetric }
	histograms := func() histogram { made["histogram"]++; return histogram{&madeMetric{}} }
	meters := func() meter { made["meter"]++; return meter{&madeMetric{}} }
	u := newUnreadMetrics()
	h, isHistogram := u.GetOrRegister("request-size", histograms).(histogram)
	require.True(t, isHistogram)
	m, isMeter := u.GetOrRegister("request-rate", meters).(meter)
	require.True(t, isMeter)
	assert.Equal(t, h, u.GetOrRegister("response-size-for-topic-events", histograms))
	assert.Equal(t, m, u.GetOrRegister("request-size", meters), "the kind counts, not the name")
	ready := &madeMetric{}
	assert.Same(t, ready, u.GetOrRegister("ready", ready))
	assert.Same(t, ready, u.GetOrRegister("another", &madeMetric{}))
	assert.Equal(t, map[string]int{"histogram": 1, "meter": 1}, made)

	u.Unregister("request-size")
	for _, one := range []*madeMetric{h.madeMetric, m.madeMetric, ready} {
		assert.Equal(t, 1, one.stopped)
	}
	u.UnregisterAll()
	assert.Equal(t, 1, m.stopped, "once")
	assert.NotEqual(t, m, u.GetOrRegister("request-rate", meters), "a stopped one is not handed out")
}

// Sarama stays at three of them, and gives them back.
func TestUnreadMetrics_ofSarama(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	u := newUnreadMetrics()
	cfg := sarama.NewConfig()
	cfg.MetricRegistry, cfg.ApiVersionsRequest = u, false
	cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, handOver{ours}
	broker := sarama.NewBroker("broker:9092")
	require.NoError(t, broker.Open(cfg))
	connected, err := broker.Connected()
	require.NoError(t, err)
	require.True(t, connected)
	kinds := func() int {
		u.mu.Lock()
		defer u.mu.Unlock()
		return len(u.byKind)
	}
	assert.Equal(t, 3, kinds(), "histograms, meters, counters")
	require.NoError(t, broker.Close())
	assert.Zero(t, kinds())
}
