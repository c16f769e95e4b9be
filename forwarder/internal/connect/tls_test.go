package connect

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

var somewhere = settings.Settings{BootstrapServers: "b1:9093", TopicName: "events"}

// TestTLSConfig: the caller's configuration keeps all but what would be unsafe.
func TestTLSConfig(t *testing.T) {
	checks := 0
	given := &tls.Config{
		MinVersion:       tls.VersionTLS10,
		ServerName:       "kafka.example",
		RootCAs:          x509.NewCertPool(),
		VerifyConnection: func(tls.ConnectionState) error { checks++; return nil },
	}
	used := probeOf(t, somewhere, Options{TLS: given}).dialer.tls
	assert.Equal(t, uint16(tls.VersionTLS12), used.MinVersion)
	assert.False(t, used.InsecureSkipVerify)
	assert.Equal(t, "kafka.example", used.ServerName)
	assert.Equal(t, "kafka.example", forHost(used, "b1:9093").ServerName)
	assert.Same(t, given.RootCAs, used.RootCAs)
	assert.NoError(t, used.VerifyConnection(tls.ConnectionState{}))
	assert.Equal(t, 1, checks)
	assert.Equal(t, uint16(tls.VersionTLS10), given.MinVersion, "the caller's own")

	newer := &tls.Config{MinVersion: tls.VersionTLS13}
	tc, err := tlsConfig(settings.TLS{}, newer)
	require.NoError(t, err)
	assert.Equal(t, uint16(tls.VersionTLS13), tc.MinVersion)
	assert.NotSame(t, newer, tc, "one option may be given to several forwarders")
}

func TestTLSConfig_ofTheSettings(t *testing.T) {
	p := probeOf(t, somewhere, Options{})
	assert.Equal(t, uint16(tls.VersionTLS12), p.dialer.tls.MinVersion)
}

func TestForHost(t *testing.T) {
	for addr, want := range map[string]string{
		"b1.example.com:9093":  "b1.example.com",
		"127.0.0.1:9093":       "127.0.0.1",
		"[2001:db8::1]:9093":   "2001:db8::1",
		"b1.example.com.:9093": "b1.example.com.",
	} {
		assert.Equal(t, want, forHost(&tls.Config{}, addr).ServerName)
	}
}

// TestDialer_clientCertificate: the certificate is chosen as crypto/tls does,
// and a function of the caller's still decides.
func TestDialer_clientCertificate(t *testing.T) {
	ca, other := newAuthority(t, "Our CA"), newAuthority(t, "Other CA")
	ours, theirs := ca.issue("ours", nil), other.issue("theirs", nil)
	server := &tls.Config{
		Certificates: []tls.Certificate{ca.issue("broker", nil)},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    ca.pool(),
	}
	for name, client := range map[string]*tls.Config{
		"the one that fits": {Certificates: []tls.Certificate{theirs, ours}},
		"a function's": {
			Certificates:         []tls.Certificate{theirs},
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &ours, nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			client.RootCAs = ca.pool()
			conn, asked, err := newTLSDialer(nil, client).open(t.Context(), "tcp", serveTLS(t, server), &progress{})
			require.NoError(t, err)
			defer conn.Close()
			assert.True(t, asked.made)
			require.NotNil(t, asked.sent)
			assert.Equal(t, ours.Certificate, asked.sent.Certificate)
		})
	}
}

func TestTLSConfig_refusesWhatIsUnsafe(t *testing.T) {
	for want, own := range map[error]*tls.Config{
		errUnverified:  {InsecureSkipVerify: true}, //nolint:gosec // it is refused
		errOutdatedTLS: {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
	} {
		tc, err := tlsConfig(settings.TLS{}, own)
		assert.Nil(t, tc)
		assert.Equal(t, want, err)
	}
	_, err := tlsConfig(settings.TLS{}, &tls.Config{MaxVersion: tls.VersionTLS12})
	assert.NoError(t, err)
}
