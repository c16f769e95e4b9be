package connect

import (
	"errors"
	"fmt"
	"io"
	"net"
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
		at      phase
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
		"broker with a text of Kafka's": {
			who: scram, at: authenticating, err: login("Authentication failed: Invalid user credentials"),
			want: `b1:9093 refused user "mparticle" with SCRAM-SHA-512: wrong password, or the user has no SCRAM-SHA-512 credential, ` +
				`which kafka-configs creates: kafka server: SASL Authentication failed: "Authentication failed: Invalid user credentials"`,
			refusal: true,
		},
		"broker that quotes what it got": {
			who: scram, at: authenticating, err: login("Authentication failed: Invalid username or password: pencil"),
			want: `b1:9093 refused user "mparticle" with SCRAM-SHA-512: wrong password, or the user has no SCRAM-SHA-512 credential, ` +
				`which kafka-configs creates: kafka server: SASL Authentication failed`,
			refusal: true,
		},
		"broker that quotes what it got, with another code": {
			who: scram, at: authenticating, err: sarama.Wrap(sarama.ErrUnknown, errors.New("pencil")),
			want:    `b1:9093: authenticating user "mparticle": ` + sarama.ErrUnknown.Error(),
			refusal: true,
		},
		"token": {
			who: identity{mechanism: sarama.SASLTypeOAuth, option: optionAuthenticator}, at: authenticating, err: login(`{"status":"invalid_token"}`),
			want: `b1:9093 refused a client with OAUTHBEARER: the token has expired, or the broker's jaas configuration does not accept ` +
				`its issuer, audience or scope: kafka server: SASL Authentication failed: "{\"status\":\"invalid_token\"}"`,
			refusal: true,
		},
		"mechanism of the caller's": {
			who: identity{user: "ann", mechanism: "X-VAULT", option: optionAuthenticator}, at: authenticating, err: login("no"),
			want: `b1:9093 refused user "ann" with X-VAULT: its credentials are wrong or have expired, ` +
				`or the broker's jaas configuration does not accept them: kafka server: SASL Authentication failed`,
			refusal: true,
		},
		"mechanism of the caller's, closed": {
			who: identity{mechanism: sarama.SASLTypeOAuth, option: optionAuthenticator}, at: authenticating, err: io.EOF,
			want: `b1:9093 closed the connection while authenticating a client with OAUTHBEARER: ` +
				`wrong or expired credentials, mechanism not enabled, or no OAuthBearerLoginModule in the broker's jaas configuration: EOF`,
		},
		"mechanism of the caller's, not offered": {
			who: identity{mechanism: sarama.SASLTypeOAuth, option: optionAuthenticator}, at: authenticating, err: sarama.ErrUnsupportedSASLMechanism,
			want: `b1:9093 does not offer OAUTHBEARER to a client, it offers others: set the mechanism of WithAuthenticator to what it offers, ` +
				`or add the mechanism to the broker's sasl.enabled.mechanisms: ` + sarama.ErrUnsupportedSASLMechanism.Error(),
			refusal: true,
		},
		"listener without users, authenticator": {
			who: identity{mechanism: sarama.SASLTypeOAuth, option: optionAuthenticator}, at: authenticating, err: sarama.ErrIllegalSASLState,
			want: `b1:9093 does not authenticate users, but WithAuthenticator is set: use the broker's SASL_SSL listener, ` +
				`or leave WithAuthenticator out: ` + sarama.ErrIllegalSASLState.Error(),
			refusal: true,
		},
		"listener without users, credentials": {
			who: identity{user: "ann", mechanism: "PLAIN", option: optionCredentials}, at: authenticating, err: sarama.ErrIllegalSASLState,
			want: `b1:9093 does not authenticate users, but user "ann" is set: use the broker's SASL_SSL listener, ` +
				`or leave WithCredentials out: ` + sarama.ErrIllegalSASLState.Error(),
			refusal: true,
		},
		"closed at the first request, authenticator": {
			who: identity{option: optionAuthenticator}, at: asking, err: io.EOF,
			want: `b1:9093 closed the connection at the first request: SASL_SSL listener? have WithAuthenticator enable SASL, ` +
				`or use the broker's SSL listener: EOF`,
		},
		"closed when asked for a producer id": {
			who: scram, at: askingForID, err: io.EOF,
			want: `b1:9093 closed the connection when asked for a producer id: needs Kafka 0.11 or newer: EOF`,
		},
		"closed for want of a certificate, WithTLS": {
			at: asking, certs: certRequest{made: true, own: true}, err: io.ErrUnexpectedEOF,
			want: `b1:9093 closed the connection after the TLS handshake, without a client certificate: ` +
				`set WithTLS's Certificates: unexpected EOF`,
		},
		"broker that fails SCRAM": {
			who: scram, at: authenticating, err: fmt.Errorf("auth: wrong signature: %w", sarama.ErrSASLAuthenticationFailed),
			want: `b1:9093 answered wrongly while authenticating user "mparticle" with SCRAM-SHA-512: check that it is the broker you mean: ` +
				`auth: wrong signature: kafka server: SASL Authentication failed`,
			refusal: true,
		},
		"credentials that fail": {
			who: scram, at: authenticating, err: fmt.Errorf("failed to start: %w", &classedError{classNoCredentials, errVault}),
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
				`wrong user name or password, mechanism not enabled, or no ScramLoginModule in the broker's jaas configuration: EOF`,
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
			err := explainFailure("b1:9093", tt.who, tt.at, &sniffedConn{}, &tt.certs, tt.err)
			assert.EqualError(t, err, tt.want)
			assert.Equal(t, tt.refusal, isRefusal(err))
			assert.Equal(t, isHangUp(tt.err), errors.Is(err, classHungUp))
			if errors.Is(tt.err, errVault) {
				assert.ErrorIs(t, err, errVault)
			} else if !errors.Is(tt.err, sarama.ErrSASLAuthenticationFailed) && !errors.Is(tt.err, sarama.ErrUnknown) {
				assert.ErrorIs(t, err, tt.err)
			} else {
				code, _ := errors.AsType[sarama.KError](withoutForeignText(tt.err))
				assert.ErrorIs(t, err, code)
			}
			if classed, ok := errors.AsType[*classedError](err); ok {
				assert.False(t, classed.Permanent())
			} else {
				assert.False(t, isA[sarama.KError](err), "which might be permanent")
			}
		})
	}
}
