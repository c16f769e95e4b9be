package connect

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever connects does it with verified TLS.
func TestProbe_configuresItsDialer(t *testing.T) {
	p := probeOf(t, somewhere, Options{})
	cfg, err := p.configure()
	require.NoError(t, err)
	assert.True(t, cfg.Net.Proxy.Enable)
	assert.Same(t, p.dialer, cfg.Net.Proxy.Dialer)
	assert.False(t, cfg.Net.TLS.Enable, "it would be TLS inside TLS")
}
