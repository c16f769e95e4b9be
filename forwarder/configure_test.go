package forwarder

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// What is wrong with the files is found all at once, too.
func TestNew_badFiles(t *testing.T) {
	_, err := New(t.Context(), settings.Settings{
		BootstrapServers: "127.0.0.1:1", TopicName: "events", UserName: "ann", PasswordFile: "/nowhere/password",
		TLS: settings.TLS{CAFile: "/nowhere/ca.pem"},
	})
	assert.ErrorContains(t, err, "password_file")
	assert.ErrorContains(t, err, "tls.ca_file")
}

// Whatever connects does it with verified TLS.
func TestProbe_configuresItsDialer(t *testing.T) {
	p := probeOf(t, somewhere)
	cfg, err := p.configure()
	require.NoError(t, err)
	assert.True(t, cfg.Net.Proxy.Enable)
	assert.Same(t, p.dialer, cfg.Net.Proxy.Dialer)
	assert.False(t, cfg.Net.TLS.Enable, "it would be TLS inside TLS")
}
