package connect

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestShown(t *testing.T) {
	for _, addr := range []string{"b1:9093", "kafka_1.example.com:9093", "[2001:db8::1%eth0]:9093", "10.0.0.1:1"} {
		assert.Equal(t, addr, shown(addr))
	}
	assert.Equal(t, `"b1\nb2 refused:9093"`, shown("b1\nb2 refused:9093"))
	assert.Equal(t, `""`, shown(""))
	assert.Equal(t, `"`+strings.Repeat("a", longestQuote)+`"...`, shown(strings.Repeat("a", 300)))
}

// What brokers advertise, and what their certificates are for, forges no lines.
func TestSingleLine(t *testing.T) {
	assert.NoError(t, singleLine(nil))
	plain := errors.New("é plain")
	assert.Same(t, plain, singleLine(plain))
	err := singleLine(fmt.Errorf("b1: %w", &net.DNSError{Err: "no such host", Name: "a\nERROR all is lost", IsNotFound: true}))
	assert.EqualError(t, err, `b1: lookup a\nERROR all is lost: no such host`)
	assert.True(t, isA[*net.DNSError](err))
}

func TestExplainCertificate_names(t *testing.T) {
	mismatch := func(host string, names ...string) error {
		cert := &x509.Certificate{DNSNames: names}
		return &tls.CertificateVerificationError{
			UnverifiedCertificates: []*x509.Certificate{cert}, Err: x509.HostnameError{Certificate: cert, Host: host},
		}
	}
	explained := func(err error, own bool) string {
		return singleLine(explainHandshake("b1:9093", tls.VersionTLS12, &certRequest{own: own}, err)).Error()
	}
	assert.Contains(t, explained(mismatch("127.0.0.1", "127.0.0.1"), false),
		`certificate of b1:9093 has "127.0.0.1" as a name, needs it as an IP address: issue it again with the SAN IP:127.0.0.1: `)
	text := explained(mismatch("b1", "a\nb2:9093 refused"), false)
	assert.Contains(t, text, `certificate of b1:9093 is for "a\nb2:9093 refused", not for "b1": use a name it has, `+
		`in bootstrap_servers and the brokers' advertised.listeners, or set tls.server_name: `)
	assert.NotContains(t, text, "\n")
	assert.Contains(t, explained(mismatch("b1", "b2"), true), "or set WithTLS's ServerName: ", "the settings do not count")
}

// The names of settings that WithTLS replaces stand in no text.
func TestExplainHandshake_ownTLS(t *testing.T) {
	asked := &certRequest{own: true, made: true, have: []tls.Certificate{{Leaf: &x509.Certificate{}}}}
	alert := func(text string) error { return &net.OpError{Op: "remote error", Err: errors.New("tls: " + text)} }
	for _, err := range []error{
		explainAlert("b1", asked, alert("bad certificate")),
		explainAlert("b1", &certRequest{own: true, made: true}, alert("bad certificate")),
		explainAlert("b1", &certRequest{own: true}, alert("unrecognized name")),
		explainVersion("b1", tls.VersionTLS13, asked, alert("protocol version not supported")),
		explainCertificate("b1", asked, &tls.CertificateVerificationError{
			UnverifiedCertificates: []*x509.Certificate{{}}, Err: x509.UnknownAuthorityError{},
		}),
	} {
		assert.NotContains(t, err.Error(), "tls.")
		assert.Contains(t, err.Error(), "WithTLS's ")
	}
}

// An advice that is the same for several servers is given once.
func TestNoServerError_alike(t *testing.T) {
	advice := func(server string) error { return fmt.Errorf("%s closed the connection: plaintext listener?", server) }
	err := &noServerError{
		servers:  []string{"b1:9093", "b2:9093", "b3:9093", "b4:9093", "b5:9093"},
		failures: []error{advice("b1:9093"), advice("b2:9093"), errors.New("b3:9093: refused"), nil, advice("b5:9093")},
	}
	assert.EqualError(t, err, "no broker could be reached: check bootstrap_servers and the network: "+
		"b1:9093 closed the connection: plaintext listener?, b2:9093 alike, b5:9093 alike; b3:9093: refused")
}
