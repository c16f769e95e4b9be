package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A delivering is what delivers below a forwarder. Both make most of the same
// promises, and what only one of them keeps says so.
type delivering struct {
	name    string
	options []forwarder.Option
	stock   bool
}

var (
	engine = delivering{name: "engine"}
	stock  = delivering{name: "Sarama's producer", options: []forwarder.Option{forwarder.WithSaramaProducer()}, stock: true}
)

// both runs a test on each producer.
func both(t *testing.T, test func(*testing.T, delivering)) {
	t.Helper()
	for _, p := range []delivering{engine, stock} {
		t.Run(p.name, func(t *testing.T) { test(t, p) })
	}
}

// share is how much of a long test p does: the stock producer is not ours to
// test, only what we make of it.
func (p delivering) share(all, part int) int {
	if p.stock {
		return part
	}
	return all
}

func (p delivering) open(t testing.TB, k *forwardertest.Kafka, opts ...forwarder.Option) *forwarder.Forwarder {
	t.Helper()
	return p.start(t, k.Settings(), opts...)
}

// start opens a forwarder with settings of the test's own.
func (p delivering) start(t testing.TB, s settings.Settings, opts ...forwarder.Option) *forwarder.Forwarder {
	t.Helper()
	own := append([]forwarder.Option{quiet()}, p.options...)
	f, err := forwarder.New(within(t, time.Minute), s, append(own, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}

func open(t testing.TB, k *forwardertest.Kafka, opts ...forwarder.Option) *forwarder.Forwarder {
	t.Helper()
	return engine.open(t, k, opts...)
}
