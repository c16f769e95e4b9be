package forwarder

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
)

var errVault = errors.New("vault is sealed")

// TestExplain has the cases that no server here brings about.
func TestExplain(t *testing.T) {
	scram := identity{user: "mparticle", mechanism: sarama.SASLTypeSCRAMSHA512}
	login := func(text string) error {
		return sarama.Wrap(sarama.ErrSASLAuthenticationFailed, errors.New(text))
	}
	for name, tt := range map[string]struct {
		who     identity
		at      stage
		certs   certRequest
		err     error
		want    string
		refusal bool
	}{
		"broker without a text": {
			who: scram, at: authenticating, err: sarama.ErrSASLAuthenticationFailed,
			want: `b1:9093 refused user "mparticle" with SCRAM-SHA-512: wrong password, or the user has no SCRAM-SHA-512 credential, ` +
				`which kafka-configs creates: kafka server: SASL Authentication failed`,
			refusal: true,
		},
		"broker with a long text": {
			who: scram, at: authenticating, err: login("no\n" + strings.Repeat("é", longestQuote)),
			want: `b1:9093 refused user "mparticle" with SCRAM-SHA-512: wrong password, or the user has no SCRAM-SHA-512 credential, ` +
				`which kafka-configs creates: kafka server: SASL Authentication failed: "no\n` + strings.Repeat("é", (longestQuote-3)/2) + `"...`,
			refusal: true,
		},
		"broker that fails SCRAM": {
			who: scram, at: authenticating, err: fmt.Errorf("auth: wrong signature: %w", sarama.ErrSASLAuthenticationFailed),
			want: `b1:9093 answered wrongly while authenticating user "mparticle" with SCRAM-SHA-512: check that it is the broker you mean: ` +
				`auth: wrong signature: kafka server: SASL Authentication failed`,
			refusal: true,
		},
		"credentials that fail": {
			who: scram, at: authenticating, err: fmt.Errorf("failed to start: %w", &credentialsError{errVault}),
			want:    `authenticating: vault is sealed`,
			refusal: true,
		},
		"authenticator that fails": {
			who: scram, at: authenticating, err: errors.New("no proof"),
			want:    `b1:9093: authenticating user "mparticle": no proof`,
			refusal: true,
		},
		"network while authenticating": {
			who: scram, at: authenticating, err: &net.OpError{Op: "read", Net: "tcp", Err: errors.New("no route to host")},
			want: `b1:9093: read tcp: no route to host`,
		},
		"closed while authenticating": {
			who: scram, at: authenticating, err: io.EOF,
			want: `b1:9093 closed the connection while authenticating user "mparticle" with SCRAM-SHA-512: ` +
				`wrong user name or password, or mechanism not enabled: EOF`,
		},
		"closed afterwards": {
			who: scram, at: asking, err: io.EOF,
			want: `b1:9093 closed the connection when asked for the topic: EOF`,
		},
		"closed for want of a certificate": {
			at: asking, certs: certRequest{made: true}, err: io.ErrUnexpectedEOF,
			want: `b1:9093 closed the connection after the TLS handshake, without a client certificate: ` +
				`set tls.cert_file and tls.key_file: unexpected EOF`,
		},
		"mechanism, others not told": {
			who: scram, at: authenticating, err: sarama.ErrUnsupportedSASLMechanism,
			want: `b1:9093 does not offer SCRAM-SHA-512 to user "mparticle", it offers others: set authentication_method to what it offers, ` +
				`or add the mechanism to the broker's sasl.enabled.mechanisms: kafka server: The broker does not support the requested SASL mechanism`,
			refusal: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := explain("b1:9093", tt.who, tt.at, &link{}, &tt.certs, tt.err)
			assert.EqualError(t, err, tt.want)
			assert.Equal(t, tt.refusal, isRefusal(err))
			_, hungUp := errors.AsType[*hangUpError](err)
			assert.Equal(t, isHangUp(tt.err), hungUp)
			if errors.Is(tt.err, errVault) {
				assert.ErrorIs(t, err, errVault)
			} else if !errors.Is(tt.err, sarama.ErrSASLAuthenticationFailed) {
				assert.ErrorIs(t, err, tt.err)
			} else {
				assert.ErrorIs(t, err, sarama.ErrSASLAuthenticationFailed)
			}
			assert.False(t, Permanent(err))
		})
	}
}

func TestExplainDelivery(t *testing.T) {
	p := probeOf(t, somewhere)
	denied := sarama.ErrTopicAuthorizationFailed
	assert.Equal(t, error(denied), p.explainDelivery(denied), "nothing is known yet")
	_, err := p.credentials(t.Context())
	assert.NoError(t, err)

	err = p.explainDelivery(denied)
	assert.EqualError(t, err, `the brokers do not let a client without user name write to topic "events": grant it the operation WRITE: `+denied.Error())
	assert.ErrorIs(t, err, denied)
	err = p.explainDelivery(sarama.ErrClusterAuthorizationFailed)
	assert.EqualError(t, err, `the brokers do not let a client without user name write idempotently: grant it the operation WRITE on topic "events", `+
		`and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster: `+sarama.ErrClusterAuthorizationFailed.Error())
	assert.Equal(t, io.EOF, p.explainDelivery(io.EOF))
	assert.NoError(t, p.explainDelivery(nil))
}
