package forwardertest_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

func TestCA_server(t *testing.T) {
	ca, err := forwardertest.NewCA()
	require.NoError(t, err)
	other, err := forwardertest.NewCA()
	require.NoError(t, err)
	expired := func(err error) bool {
		invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
		return ok && invalid.Reason == x509.Expired
	}
	wrongHost := func(err error) bool { _, ok := errors.AsType[x509.HostnameError](err); return ok }
	unknown := func(err error) bool { _, ok := errors.AsType[x509.UnknownAuthorityError](err); return ok }
	accepted := func(err error) bool { return err == nil }

	for _, tc := range []struct {
		name string
		from *forwardertest.CA
		opts []forwardertest.CertOption
		host string
		want func(error) bool
	}{
		{"by name", ca, nil, "localhost", accepted},
		{"by address", ca, nil, "127.0.0.1", accepted},
		{"by IPv6 address", ca, nil, "::1", accepted},
		{"expired", ca, opts(forwardertest.WithCertExpired()), "localhost", expired},
		{"not yet valid", ca, opts(forwardertest.WithCertNotYetValid()), "localhost", expired},
		{"wrong host", ca, opts(forwardertest.WithCertHosts("kafka.example")), "localhost", wrongHost},
		{"hosts given", ca, opts(forwardertest.WithCertHosts("kafka.example", "192.0.2.1")), "192.0.2.1", accepted},
		{"common name only", ca, opts(forwardertest.WithCertCommonNameOnly("localhost")), "localhost", wrongHost},
		{"other authority", other, nil, "localhost", unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cert, err := tc.from.IssueServer(tc.opts...)
			require.NoError(t, err)
			err = handshake(t, cert, nil, &tls.Config{RootCAs: ca.Pool(), ServerName: tc.host, MinVersion: tls.VersionTLS12})
			assert.True(t, tc.want(err), "%v", err)
		})
	}
}

func opts(o ...forwardertest.CertOption) []forwardertest.CertOption { return o }

func TestCA_client(t *testing.T) {
	ca, err := forwardertest.NewCA()
	require.NoError(t, err)
	server, err := ca.IssueServer()
	require.NoError(t, err)
	client, err := ca.IssueClient("mparticle")
	require.NoError(t, err)

	dir := t.TempDir()
	caFile, err := ca.WriteFile(dir)
	require.NoError(t, err)
	certFile, keyFile, err := client.WriteFiles(dir, "client")
	require.NoError(t, err)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	require.NoError(t, err)
	pem, err := os.ReadFile(caFile)
	require.NoError(t, err)
	assert.Equal(t, ca.PEM(), pem)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))

	cfg := &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}
	assert.Error(t, handshake(t, server, ca, cfg), "without a client certificate")
	cfg.Certificates = []tls.Certificate{pair}
	assert.NoError(t, handshake(t, server, ca, cfg))

	server, err = ca.IssueServer(forwardertest.WithCertExpired())
	require.NoError(t, err)
	assert.Error(t, handshake(t, server, nil, cfg))
}

// handshake returns what the client says after its handshake with a server
// that asks for certificates of clients, if given, has come to an end.
func handshake(t *testing.T, cert forwardertest.Certificate, clients *forwardertest.CA, cfg *tls.Config) error {
	t.Helper()
	pair, err := cert.TLS()
	require.NoError(t, err)
	server := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if clients != nil {
		server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, clients.Pool()
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	require.NoError(t, err)
	defer ln.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte{1}) // tells a client whose certificate was refused
		_ = conn.Close()
	}()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", ln.Addr().String())
	require.NoError(t, err)
	conn := tls.Client(c, cfg)
	err = conn.HandshakeContext(t.Context())
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	_ = c.Close()
	<-done
	return err
}
