package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// probing returns a probe of servers for a user with a password, which must
// never leave.
func probing(t *testing.T, ca *authority, change func(*settings.Settings), servers ...string) *Probe {
	t.Helper()
	s := settings.Settings{
		BootstrapServers: strings.Join(servers, ","),
		TopicName:        "events",
		UserName:         "mparticle",
		Password:         settings.NewSecret("pencil"),
		TLS:              settings.TLS{CAFile: ca.file},
	}
	if change != nil {
		change(&s)
	}
	p, err := New(s.WithDefaults(), Options{})
	require.NoError(t, err)
	return p
}

// TestProbe_handshakeRefused: every refusal names the server and says what to
// do, within a second, and nothing was sent inside of TLS.
func TestProbe_handshakeRefused(t *testing.T) {
	ca, other := newAuthority(t, "Our CA"), newAuthority(t, "Other CA")
	expired := time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	later := time.Now().Add(time.Minute).UTC().Truncate(time.Second)
	with := func(cert tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{cert}} }
	spoiled := func(change func(*x509.Certificate)) func(*testing.T) string {
		return func(t *testing.T) string { return serveTLS(t, with(ca.issue("broker", change))) }
	}

	oldServer := func(t *testing.T, newest uint16) string {
		tc := with(ca.issue("broker", nil))
		tc.MinVersion, tc.MaxVersion = tls.VersionTLS10, newest
		return serveTLS(t, tc)
	}

	tests := map[string]struct {
		server func(*testing.T) string
		want   string // SERVER stands for the address; the cause, which is Go's text, follows
		is     func(error) bool
	}{
		"unknown CA": {
			func(t *testing.T) string { return serveTLS(t, with(other.issue("broker", nil))) },
			`certificate of SERVER is signed by an authority that is not trusted ("CN=Other CA"): set tls.ca_file (file FILE) to the CA that issued it: `,
			isA[x509.UnknownAuthorityError],
		},
		"expired": {
			spoiled(func(c *x509.Certificate) { c.NotAfter = expired }),
			"certificate of SERVER expired on " + expired.Format(time.DateTime) + ": renew it: ",
			isA[x509.CertificateInvalidError],
		},
		"not yet valid": {
			spoiled(func(c *x509.Certificate) { c.NotBefore = later }),
			"certificate of SERVER is not valid before " + later.Format(time.DateTime) + ": check the clocks, or renew it: ",
			isA[x509.CertificateInvalidError],
		},
		"wrong host": {
			spoiled(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"b1", "b2"}, nil }),
			`certificate of SERVER is for "b1", "b2", not for "127.0.0.1": use a name it has, in bootstrap_servers and the brokers' advertised.listeners, or set tls.server_name: `,
			isA[x509.HostnameError],
		},
		"wrong address": {
			spoiled(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }),
			`certificate of SERVER is for "10.0.0.1", not for "127.0.0.1": use a name it has, `,
			isA[x509.HostnameError],
		},
		"CN only": {
			spoiled(func(c *x509.Certificate) { c.Subject.CommonName, c.IPAddresses = "127.0.0.1", nil }),
			`certificate of SERVER has no SAN, CN is not enough: issue it again with a SAN for "127.0.0.1": `,
			isA[x509.HostnameError],
		},
		"not for a server": {
			spoiled(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }),
			"certificate of SERVER is not meant for a server: issue it with the extended key usage serverAuth: ",
			isA[x509.CertificateInvalidError],
		},
		"TLS 1.1 only": {
			func(t *testing.T) string { return oldServer(t, tls.VersionTLS11) },
			"SERVER offers no TLS 1.2 or newer: add TLSv1.2 or TLSv1.3 to the broker's ssl.enabled.protocols: ",
			nil,
		},
		"TLS 1.0 only": {
			func(t *testing.T) string { return oldServer(t, tls.VersionTLS10) },
			"SERVER offers no TLS 1.2 or newer: ",
			nil,
		},
		"no cipher suite in common": {
			func(t *testing.T) string {
				tc := with(ca.issue("broker", nil))
				tc.MaxVersion, tc.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
				return serveTLS(t, tc)
			},
			"SERVER has no cipher suite in common: check the broker's ssl.cipher.suites and ssl.enabled.protocols: ",
			nil,
		},
		"self-signed": {
			func(t *testing.T) string {
				return serveTLS(t, with(tls.Certificate{Certificate: [][]byte{other.cert.Raw}, PrivateKey: other.key}))
			},
			`certificate of SERVER is signed by an authority that is not trusted ("CN=Other CA"): `,
			isA[x509.UnknownAuthorityError],
		},
		"wildcard, which is for names": {
			spoiled(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"*.example.com"}, nil }),
			`certificate of SERVER is for "*.example.com", not for "127.0.0.1": `,
			isA[x509.HostnameError],
		},
		"plaintext listener": {
			func(t *testing.T) string { return serve(t, plaintext) },
			"SERVER closed the connection during the TLS handshake: plaintext listener? eventferry has no plaintext mode, use the broker's SSL or SASL_SSL listener: ",
			isHangUp,
		},
		"plaintext answer": {
			func(t *testing.T) string { return serve(t, answering("SSH-2.0-OpenSSH_9.6\r\n")) },
			"SERVER answers in plaintext: eventferry has no plaintext mode, use the broker's SSL or SASL_SSL listener, " +
				"or check the port if it is no Kafka broker: ",
			isA[tls.RecordHeaderError],
		},
		"HTTP in plaintext": {
			func(t *testing.T) string { return serve(t, answering("HTTP/1.1 400 Bad Request\r\n\r\n")) },
			"SERVER is an HTTP server without TLS and no Kafka broker: check the port in bootstrap_servers: ",
			isA[tls.RecordHeaderError],
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m meter
			server := m.between(t, tt.server(t))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := quickly(t, func() error { return probing(t, ca, nil, server).Run(ctx) })

			require.Error(t, err)
			text, ok := strings.CutPrefix(err.Error(), strings.NewReplacer("SERVER", server, "FILE", strconv.Quote(ca.file)).Replace(tt.want))
			assert.True(t, ok, "got  %s\nwant %s", err, tt.want)
			assert.NotEmpty(t, text, "the cause")
			assert.True(t, isRefusal(err))
			assert.True(t, tt.is == nil || tt.is(err), "%#v", err)
			assert.NotErrorIs(t, err, context.DeadlineExceeded)
			assert.NotContains(t, err.Error(), "pencil")
			assert.NotZero(t, m.bytes.Load(), "the meter must see the connection")
			assert.Zero(t, m.records.Load(), "sent inside of TLS")
		})
	}
}

// TestProbe_oldestVersion: what the settings ask for is told apart from what
// is never accepted.
func TestProbe_oldestVersion(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	server := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue("broker", nil)}, MaxVersion: tls.VersionTLS12})
	err := probing(t, ca, func(s *settings.Settings) { s.TLS.MinVersion = settings.TLS13 }, server).Run(t.Context())
	assert.EqualError(t, err, server+" offers no TLS 1.3, the oldest version to accept here: add TLSv1.3 to the broker's "+
		"ssl.enabled.protocols, or leave tls.min_version at 1.2: remote error: tls: protocol version not supported")
}

// TestExplainHandshake has the cases that no server here brings about.
func TestExplainHandshake(t *testing.T) {
	own := errors.New("not pinned")
	for name, tt := range map[string]struct {
		err     error
		want    string
		refusal bool
	}{
		"route lost":       {&net.OpError{Op: "read", Net: "tcp", Err: errors.New("no route to host")}, "b1:9093: read tcp: no route to host", false},
		"a check of ours":  {own, "TLS handshake with b1:9093: not pinned", true},
		"something of TLS": {&net.OpError{Op: "local error", Err: own}, "TLS handshake with b1:9093: local error: not pinned", true},
		"name not served": {
			&net.OpError{Op: "remote error", Err: errors.New("tls: unrecognized name")},
			"b1:9093 knows no server of this name: check bootstrap_servers and tls.server_name: remote error: tls: unrecognized name", true,
		},
		"another alert": {
			&net.OpError{Op: "remote error", Err: errors.New("tls: internal error")},
			"b1:9093 ended the TLS handshake: remote error: tls: internal error", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := explainHandshake("b1:9093", tls.VersionTLS12, &certRequest{}, tt.err)
			assert.EqualError(t, err, tt.want)
			assert.Equal(t, tt.refusal, isRefusal(err))
			assert.ErrorIs(t, err, tt.err)
		})
	}
}
