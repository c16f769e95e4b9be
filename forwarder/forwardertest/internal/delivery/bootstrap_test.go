package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// One reachable bootstrap server suffices, at once: those that accept
// connections and say nothing cost no time-out each.
func TestBootstrap_silentServers(t *testing.T) {
	long(t)
	k := forwardertest.NewKafka(t)
	silent := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	silent.Silence()
	s := k.Settings()
	s.BootstrapServers = strings.Join(append(silent.Servers(), k.Servers()...), ",")
	for name, opts := range map[string][]forwarder.Option{
		"probed":     {quiet()},
		"not probed": {quiet(), forwarder.WithoutProbe()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 3 {
				start := time.Now()
				f, err := forwarder.New(within(t, time.Minute), s, opts...)
				require.NoError(t, err)
				assert.NoError(t, f.Forward(within(t, time.Minute), keyless(t)))
				assert.Less(t, time.Since(start), machine.Allow(4*time.Second, start))
				require.NoError(t, f.Close())
			}
		})
	}
}

// The same for brokers that the metadata lists and that lead nothing.
func TestBootstrap_silentBrokers(t *testing.T) {
	long(t)
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(4), forwardertest.WithTopic("events", 1))
	k.Silence(1, 2, 3) // 0 leads the only partition
	for range 5 {
		start := time.Now()
		f, err := forwarder.New(within(t, time.Minute), k.Settings(), quiet())
		require.NoError(t, err)
		assert.NoError(t, f.Forward(within(t, time.Minute), keyless(t)))
		t.Log(time.Since(start))
		assert.Less(t, time.Since(start), machine.Allow(4*time.Second, start))
		require.NoError(t, f.Close())
	}
}
