package apachekafka

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// Between choosing ports and listening on them, somebody else may take one.
func TestApacheKafka_portTaken(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	calls := 0
	c := New(t, optionFunc(func(o *options) {
		o.ports = func(ctx context.Context, b *portBlock, n int) ([]int, error) {
			ports, err := b.free(ctx, n)
			if calls++; calls == 1 {
				ports[2] = taken.Addr().(*net.TCPAddr).Port //nolint:errcheck // of a TCP listener
			}
			return ports, err
		}
	}))
	assert.Equal(t, 2, calls)
	require.NoError(t, c.CreateTopic(t.Context(), "events", 1, nil))
}

func TestPortBlock(t *testing.T) {
	b, err := claimPorts()
	require.NoError(t, err)
	defer b.close()
	ports, err := b.free(t.Context(), 50)
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, p := range ports {
		assert.False(t, seen[p])
		seen[p] = true
		assert.True(t, p >= b.lowest && p < b.lowest+portsInBlock)
	}
	_, err = b.free(t.Context(), portsInBlock+1)
	require.ErrorContains(t, err, "no 101 free ports of 100 from ")
}

// No two clusters have the same ports, also while their brokers are down.
func TestPortBlock_ofOneCluster(t *testing.T) {
	mine := map[int]bool{}
	for range 40 { // of 120: by chance alone two would be the same
		b, err := claimPorts()
		require.NoError(t, err)
		defer b.close()
		assert.False(t, mine[b.lowest], b.lowest)
		mine[b.lowest] = true
	}
	b, err := claimPorts()
	require.NoError(t, err)
	b.close()
	lock, err := machinelock.Try(b.lock.Name())
	require.NoError(t, err, "it is free again")
	require.NoError(t, lock.Close())
}
