package connect

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/settings"
)

// TestProbe_clientCertificate: with TLS 1.2 a broker refuses a client
// certificate during the handshake, with TLS 1.3 on the first read after it.
func TestProbe_clientCertificate(t *testing.T) {
	ca, other := newAuthority(t, "Our CA"), newAuthority(t, "Other CA")
	cert := ca.issue("broker", nil)
	ours, theirs := ca.issue("client", nil), other.issue("client", nil)
	tests := map[string]struct {
		auth tls.ClientAuthType
		send *tls.Certificate
		want string
	}{
		"missing": {
			tls.RequireAndVerifyClientCert, nil,
			"SERVER wants a client certificate: set tls.cert_file and tls.key_file: ",
		},
		"of an authority that the broker does not ask for": {
			tls.RequireAndVerifyClientCert, &theirs,
			`SERVER wants a client certificate of an authority that ours ("CN=client") is not from: set tls.cert_file (file FILE) to one that the broker's trust store knows: `,
		},
		"accepted": {
			tls.RequireAndVerifyClientCert, &ours,
			"no broker could be reached: check bootstrap_servers and the network: SERVER: " + unanswered + " (context deadline exceeded)",
		},
		"not needed": {
			tls.VerifyClientCertIfGiven, nil,
			"no broker could be reached: check bootstrap_servers and the network: SERVER: " + unanswered + " (context deadline exceeded)",
		},
	}
	for name, tt := range tests {
		for version, number := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				server := serveTLS(t, &tls.Config{
					Certificates: []tls.Certificate{cert},
					ClientAuth:   tt.auth,
					ClientCAs:    ca.pool(),
					MinVersion:   number,
					MaxVersion:   number,
				})
				certFile := ""
				p := probing(t, ca, func(s *settings.Settings) {
					if tt.send != nil {
						s.TLS.CertFile, s.TLS.KeyFile = save(t, *tt.send)
						certFile = s.TLS.CertFile
					}
				}, server)
				want := strings.NewReplacer("SERVER", server, "FILE", strconv.Quote(certFile)).Replace(tt.want)
				if strings.Contains(tt.want, "deadline") {
					assert.ErrorIs(t, untilDeadline(t, p, want), context.DeadlineExceeded)
					return
				}
				assert.ErrorContains(t, quickly(t, func() error { return p.Run(t.Context()) }), want)
			})
		}
	}
}

// TestProbe_clientCertificateRefused: a broker that names no authorities gets
// the certificate, and may not like it.
func TestProbe_clientCertificateRefused(t *testing.T) {
	ca, other := newAuthority(t, "Our CA"), newAuthority(t, "Other CA")
	cert := ca.issue("broker", nil)
	for version, number := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(version, func(t *testing.T) {
			server := serveTLS(t, &tls.Config{
				Certificates: []tls.Certificate{cert},
				ClientAuth:   tls.RequireAnyClientCert,
				MinVersion:   number,
				MaxVersion:   number,
				VerifyConnection: func(tls.ConnectionState) error {
					return errAlwaysRefused
				},
			})
			certFile, keyFile := save(t, other.issue("client", nil))
			err := probing(t, ca, func(s *settings.Settings) {
				s.TLS.CertFile, s.TLS.KeyFile = certFile, keyFile
			}, server).Run(t.Context())
			assert.ErrorContains(t, err, server+` refused the client certificate ("CN=client") (file `+strconv.Quote(certFile)+`): check its validity, and that the broker's trust store has its CA: `)
		})
	}
}

var errAlwaysRefused = net.ErrClosed // any will do

// TestProbe_notKafka: a server that speaks another protocol inside of TLS is
// refused at once, before its greeting is taken for a size.
func TestProbe_notKafka(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	tc := &tls.Config{Certificates: []tls.Certificate{ca.issue("web", nil)}}
	server := serve(t, func(c net.Conn) { answering("HTTP/1.1 400 Bad Request\r\n\r\n")(tls.Server(c, tc)) })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := probing(t, ca, nil, server).Run(t.Context())
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(100<<20), `"HTTP" taken for a size`)
	assert.EqualError(t, err, server+" is no Kafka broker: check the port in bootstrap_servers: the answer is not in Kafka's protocol, but in HTTP")
	assert.True(t, isRefusal(err))
}
