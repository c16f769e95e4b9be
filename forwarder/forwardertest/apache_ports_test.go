package forwardertest

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	c := ApacheKafka(t, apacheOptionFunc(func(o *apacheOptions) {
		o.ports = func(ctx context.Context, n int) ([]int, error) {
			ports, err := freePorts(ctx, n)
			if calls++; calls == 1 {
				ports[2] = taken.Addr().(*net.TCPAddr).Port //nolint:errcheck // of a TCP listener
			}
			return ports, err
		}
	}))
	assert.Equal(t, 2, calls)
	require.NoError(t, c.CreateTopic(t.Context(), "events", 1, nil))
}

func TestFreePorts(t *testing.T) {
	ports, err := freePorts(t.Context(), 50)
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, p := range ports {
		assert.False(t, seen[p])
		seen[p] = true
	}
	_, err = freePorts(t.Context(), 100000)
	require.ErrorContains(t, err, "no 100000 free ports between 20000 and 32000")
}
