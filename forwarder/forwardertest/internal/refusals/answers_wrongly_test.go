package refusals

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// bearer is a token that no broker knows.
type bearer struct{}

func (bearer) Token() (*sarama.AccessToken, error) { return &sarama.AccessToken{Token: "opaque"}, nil }

func oauthBearer(cfg *sarama.Config) error {
	s := &cfg.Net.SASL
	s.Enable, s.Handshake, s.Version = true, true, sarama.SASLHandshakeV1
	s.Mechanism, s.TokenProvider = sarama.SASLTypeOAuth, bearer{}
	return nil
}

// TestRefused_authenticator: the texts name the option where settings would stand.
func TestRefused_authenticator(t *testing.T) {
	with := []forwarder.Option{forwarder.WithAuthenticator(auth.AuthenticatorFunc(oauthBearer))}
	offered := answering(func(_ *kmsg.SASLHandshakeRequest, resp *kmsg.SASLHandshakeResponse) {
		resp.SupportedMechanisms = []string{sarama.SASLTypeOAuth}
	})
	expired := answering(func(_ *kmsg.SASLAuthenticateRequest, resp *kmsg.SASLAuthenticateResponse) {
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
	})
	asksForScope := answering(func(req *kmsg.SASLAuthenticateRequest, resp *kmsg.SASLAuthenticateResponse) {
		if strings.Contains(string(req.SASLAuthBytes), "opaque") {
			resp.SASLAuthBytes = []byte(`{"status":"insufficient_scope","scope":"kafka"}`)
			return
		}
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code // the client has read why
	})
	for name, tt := range map[string]struct {
		settings settings.Settings
		want     string
	}{
		"lacks a scope": {
			withoutUser(startDevious(t, "mparticle", answers{kmsg.SASLHandshake: offered, kmsg.SASLAuthenticate: asksForScope})),
			`forwarder: SERVER refused a client with OAUTHBEARER: the token lacks the scope that the broker's jaas configuration requires: have the identity provider add it: `,
		},
		"not offered": {
			withoutUser(forwardertest.NewKafka(t, forwardertest.WithMethods(settings.SCRAMSHA512)).Settings()),
			`forwarder: SERVER does not offer OAUTHBEARER to a client, it offers "SCRAM-SHA-512": set the mechanism of WithAuthenticator ` +
				`to what it offers, or add the mechanism to the broker's sasl.enabled.mechanisms: ` + sarama.ErrUnsupportedSASLMechanism.Error(),
		},
		"refused": {
			withoutUser(startDevious(t, "mparticle", answers{kmsg.SASLHandshake: offered, kmsg.SASLAuthenticate: expired})),
			`forwarder: SERVER refused a client with OAUTHBEARER: the token has expired, or the broker's jaas configuration does not accept its issuer, audience or scope: `,
		},
		"closed": {
			withoutUser(startDevious(t, "mparticle", answers{kmsg.SASLHandshake: offered})), // kfake does not know the mechanism
			`forwarder: SERVER closed the connection while authenticating a client with OAUTHBEARER: wrong or expired credentials, mechanism not enabled, ` +
				`or no OAuthBearerLoginModule in the broker's jaas configuration: `,
		},
		"listener without": {
			startDevious(t, "", answers{kmsg.SASLHandshake: noSASL}),
			`forwarder: SERVER does not authenticate users, but WithAuthenticator is set: use the broker's SASL_SSL listener, or leave WithAuthenticator out: `,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusedWith(t, tt.settings, with, tt.want)
		})
	}
}

// TestRefused_otherMethod: a user whose password is for SCRAM, while PLAIN is what was
// chosen, or nothing was.
func TestRefused_otherMethod(t *testing.T) {
	s := startDevious(t, "mparticle", answers{
		kmsg.SASLHandshake: answering(func(_ *kmsg.SASLHandshakeRequest, resp *kmsg.SASLHandshakeResponse) {
			resp.SupportedMechanisms = []string{"SCRAM-SHA-512", "PLAIN", "OAUTHBEARER", "SCRAM-SHA-256"}
		}),
		kmsg.SASLAuthenticate: answering(func(_ *kmsg.SASLAuthenticateRequest, resp *kmsg.SASLAuthenticateResponse) {
			resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		}),
	})
	for _, s.AuthenticationMethod = range []settings.Method{"", settings.Plain} {
		refused(t, s, `forwarder: SERVER refused user "mparticle" with PLAIN: wrong password, or the broker's jaas configuration has no user_mparticle entry, `+
			`which every broker needs; it also offers "SCRAM-SHA-256, SCRAM-SHA-512": set authentication_method if the user has a password for that: `,
			sarama.ErrSASLAuthenticationFailed)
	}
}

// TestRefused_listenerWithoutSASL: a user is set, and the listener has none.
func TestRefused_listenerWithoutSASL(t *testing.T) {
	s := startDevious(t, "", answers{kmsg.SASLHandshake: noSASL})
	s.AuthenticationMethod, s.UserName, s.Password = settings.SCRAMSHA512, "mparticle", settings.NewSecret(ourSecret)
	refused(t, s, `forwarder: SERVER does not authenticate users, but user "mparticle" is set: use the broker's SASL_SSL listener, or leave user_name empty: `,
		sarama.ErrIllegalSASLState)
}

// noSASL is how Apache Kafka answers at a listener that does not authenticate users.
var noSASL = answering(func(_ *kmsg.SASLHandshakeRequest, resp *kmsg.SASLHandshakeResponse) {
	resp.ErrorCode = kerr.IllegalSaslState.Code
})

func withoutUser(s settings.Settings) settings.Settings {
	s.UserName, s.Password, s.AuthenticationMethod = "", settings.Secret{}, ""
	return s
}

// TestRefused_otherCertificates: certificates that a CA does not issue unless it is told to.
func TestRefused_otherCertificates(t *testing.T) {
	for name, tt := range map[string]struct {
		changeCA, change func(*x509.Certificate)
		want             string
	}{
		"CA expired": {
			func(ca *x509.Certificate) { ca.NotAfter = time.Now().Add(-time.Hour) }, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(time.Hour) },
			`forwarder: certificate of SERVER was issued by a CA that has expired or is not valid yet: renew it: `,
		},
		"for clients": {
			nil, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} },
			`forwarder: certificate of SERVER is not meant for a server: issue it with the extended key usage serverAuth: `,
		},
		"address as a name": {
			nil, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"127.0.0.1"} },
			`forwarder: certificate of SERVER has "127.0.0.1" as a name, needs it as an IP address: issue it again with the SAN IP:127.0.0.1: `,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, caFile := issue(t, tt.changeCA, tt.change)
			k := forwardertest.NewKafka(t, forwardertest.WithTLS(func(tc *tls.Config) { tc.Certificates = []tls.Certificate{cert} }))
			s := k.Settings()
			s.TLS.CAFile = caFile
			refused(t, s, tt.want)
		})
	}
	t.Run("no cipher suite in common", func(t *testing.T) {
		t.Parallel()
		k := forwardertest.NewKafka(t, forwardertest.WithTLS(func(tc *tls.Config) {
			tc.MaxVersion, tc.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
		}))
		refused(t, k.Settings(), `forwarder: SERVER has no cipher suite in common: check the broker's ssl.cipher.suites and ssl.enabled.protocols: `)
	})
	t.Run("client's, of an authority that the broker does not ask for", func(t *testing.T) {
		t.Parallel()
		other, err := forwardertest.NewCA()
		require.NoError(t, err)
		cert, err := other.IssueClient("stranger")
		require.NoError(t, err)
		pool := x509.NewCertPool()
		asked, _ := issue(t, func(ca *x509.Certificate) { ca.Subject.CommonName = "Asked for" }, nil)
		parsed, err := x509.ParseCertificate(asked.Certificate[0])
		require.NoError(t, err)
		pool.AddCert(parsed)
		k := forwardertest.NewKafka(t, forwardertest.WithClientCertificates(), forwardertest.WithTLS(func(tc *tls.Config) { tc.ClientCAs = pool }))
		s := k.Settings()
		s.TLS.CertFile, s.TLS.KeyFile, err = cert.WriteFiles(t.TempDir(), "stranger")
		require.NoError(t, err)
		refused(t, s, `forwarder: SERVER wants a client certificate of an authority that ours ("CN=stranger") is not from: `+
			`set tls.cert_file (file CERTFILE) to one that the broker's trust store knows: `)
	})
}

// TestRefused_clientCertificate: the broker does not trust the CA of ours, which
// has the name of the one that it asks for.
func TestRefused_clientCertificate(t *testing.T) {
	other, err := forwardertest.NewCA()
	require.NoError(t, err)
	cert, err := other.IssueClient("stranger")
	require.NoError(t, err)
	s := forwardertest.NewKafka(t, forwardertest.WithClientCertificates()).Settings()
	s.TLS.CertFile, s.TLS.KeyFile, err = cert.WriteFiles(t.TempDir(), "stranger")
	require.NoError(t, err)
	refused(t, s, `forwarder: SERVER refused the client certificate ("CN=stranger") (file CERTFILE): check its validity, and that the broker's trust store has its CA: `)
}

// TestRefused_notKafka: servers that speak another protocol, inside of TLS and
// without.
func TestRefused_notKafka(t *testing.T) {
	const notKafka = `forwarder: SERVER is no Kafka broker: check the port in bootstrap_servers: the answer is not in Kafka's protocol`
	const closed = `forwarder: SERVER closed the connection at the first request, and answered nothing: check that bootstrap_servers ` +
		`and advertised.listeners name Kafka brokers of 0.10 or newer, and that a proxy in between reaches them: `
	for name, tt := range map[string]struct {
		tls   bool
		serve func(net.Listener)
		want  string
	}{
		"HTTP inside of TLS": {true, answerHTTP, notKafka + `, but in HTTP`},
		"HTTPS":              {true, serveHTTP, notKafka + `, but in HTTP`},
		"echo":               {true, echo, notKafka + `, but is the request sent back`},
		"closes":             {true, closeAtOnce, closed},
		"closes on request":  {true, closeOnRequest, closed},
		"plaintext": {false, answerSSH, `forwarder: SERVER answers in plaintext: eventferry has no plaintext mode, ` +
			`use the broker's SSL or SASL_SSL listener, or check the port if it is no Kafka broker: `},
		"HTTP in plaintext": {false, answerHTTP, `forwarder: SERVER is an HTTP server without TLS and no Kafka broker: check the port in bootstrap_servers: `},
	} {
		t.Run(name, func(t *testing.T) {
			l, caFile := listenTLS(t)
			if !tt.tls {
				var err error
				l, err = net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				t.Cleanup(func() { l.Close() })
			}
			go tt.serve(l)
			s := settings.Settings{BootstrapServers: l.Addr().String(), TopicName: "events", TLS: settings.TLS{CAFile: caFile}}
			refused(t, s, tt.want)
			if tt.tls {
				for _, s.AuthenticationMethod = range []settings.Method{settings.Plain, settings.SCRAMSHA512} {
					s.UserName, s.Password = "mparticle", settings.NewSecret(ourSecret)
					refused(t, s, tt.want)
				}
			}
		})
	}
}

// serveHTTP is the server of package net/http.
func serveHTTP(l net.Listener) {
	server := http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	_ = server.Serve(l)
}

// echo sends back what comes.
func echo(l net.Listener) { serveEach(l, func(c net.Conn) { _, _ = io.Copy(c, c) }) }

// closeAtOnce shakes hands and closes.
func closeAtOnce(l net.Listener) {
	serveEach(l, func(c net.Conn) {
		if c, ok := c.(*tls.Conn); ok {
			_ = c.HandshakeContext(context.Background())
		}
	})
}

// closeOnRequest closes each connection when something comes.
func closeOnRequest(l net.Listener) {
	serveEach(l, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
}

// answerHTTP answers each connection of a listener once, until the listener closes.
func answerHTTP(l net.Listener) {
	serveEach(l, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
}

// answerSSH answers like a server of SSH, which speaks first, once a byte came.
func answerSSH(l net.Listener) {
	serveEach(l, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
}

// serveEach serves each connection of a listener, and then closes it, until the
// listener closes.
func serveEach(l net.Listener, serve func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			serve(c)
		}()
	}
}

// TestRefused_hostileSCRAM: a server that does not continue our nonce learns no
// proof of the password.
func TestRefused_hostileSCRAM(t *testing.T) {
	s := startDevious(t, "mparticle", answers{kmsg.SASLAuthenticate: answering(func(_ *kmsg.SASLAuthenticateRequest, resp *kmsg.SASLAuthenticateResponse) {
		resp.SASLAuthBytes = []byte("r=another,s=QUJD,i=4096")
	})})
	refused(t, s, `forwarder: SERVER answered wrongly while authenticating user "mparticle" with SCRAM-SHA-512: check that it is the broker you mean: `)
}

// TestRefused_otherError: a broker answers to a password with an error that is not
// about it, and quotes it.
func TestRefused_otherError(t *testing.T) {
	s := startDevious(t, "mparticle", answers{kmsg.SASLAuthenticate: answering(func(req *kmsg.SASLAuthenticateRequest, resp *kmsg.SASLAuthenticateResponse) {
		resp.ErrorCode = kerr.UnknownServerError.Code
		text := "cannot take " + string(req.SASLAuthBytes)
		resp.ErrorMessage = &text
	})})
	s.AuthenticationMethod = settings.Plain
	refused(t, s, `forwarder: SERVER: authenticating user "mparticle": `+sarama.ErrUnknown.Error(), sarama.ErrUnknown)
}

// TestRefused_unknownName: a server that has no certificate for the name says so by
// an alert.
func TestRefused_unknownName(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			const unrecognizedName = "\x15\x03\x03\x00\x02\x02\x70" // an alert of TLS 1.2, fatal
			_, _ = c.Read(make([]byte, 1<<12))
			_, _ = io.WriteString(c, unrecognizedName)
			_, _ = c.Read(make([]byte, 1)) // until the client has read it
			_ = c.Close()
		}
	}()
	_, caFile := issue(t, nil, nil)
	refused(t, settings.Settings{BootstrapServers: l.Addr().String(), TopicName: "events", TLS: settings.TLS{CAFile: caFile}},
		`forwarder: SERVER knows no server of this name: check bootstrap_servers and tls.server_name: `)
}
