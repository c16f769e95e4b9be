package connect

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The failure of a producer's connection is explained as that of a probe's.
func TestExplainConnection(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	f, p := newRotatedFiles(t, ca)
	require.NoError(t, p.ExplainConnection("b1:9093", nil))
	assert.Equal(t, io.EOF, p.ExplainConnection("b1:9093", io.EOF), "no connection was tried")
	_, err := p.Config(t.Context())
	require.NoError(t, err)

	alert := func(text string) error { return &net.OpError{Op: "remote error", Err: errors.New("tls: " + text)} }
	certFile := quote(f.path("cert.pem"))
	for want, err := range map[string]error{
		`b1:9093 refused user "ann" with PLAIN: wrong password (file ` + quote(f.path("password")) + `), or the broker's jaas ` +
			`configuration has no user_ann entry, which every broker needs: `: sarama.ErrSASLAuthenticationFailed,
		`b1:9093 refused the client certificate ("CN=first") (file ` + certFile + `): check its validity, and that the broker's trust store has its CA: `: alert("bad certificate"),
		`b1:9093 closed the connection while authenticating user "ann" with PLAIN: wrong user name or password (file ` + quote(f.path("password")) +
			`), mechanism not enabled, or no PlainLoginModule in the broker's jaas configuration: `: io.EOF,
		`b1:9093 does not offer PLAIN to user "ann", it offers others: `: sarama.ErrUnsupportedSASLMechanism,
		"as it is": refusef("as it is"),
	} {
		explained := p.ExplainConnection("b1:9093", err)
		assert.ErrorContains(t, explained, want)
		assert.ErrorIs(t, explained, err)
	}

	f.settings.TLS.CertFile, f.settings.TLS.KeyFile, f.settings.UserName, f.settings.PasswordFile = "", "", "", ""
	p = f.probe()
	_, err = p.Config(t.Context())
	require.NoError(t, err)
	assert.ErrorContains(t, p.ExplainConnection("b1:9093", alert("certificate required")), "b1:9093 wants a client certificate: set tls.cert_file and tls.key_file: ")
	assert.ErrorContains(t, p.ExplainConnection("b1:9093", alert("internal error")), "b1:9093 ended the TLS handshake: ")
	assert.ErrorContains(t, p.ExplainConnection("b1:9093", io.EOF), "b1:9093 closed the connection at the first request: SASL_SSL listener? ")
}
