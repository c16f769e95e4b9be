package suite_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth/oauth"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

// A keySet signs tokens, and publishes the key to check them with (JWKS, RFC 7517).
type keySet struct {
	key *rsa.PrivateKey
	url string
}

func newKeySet(t *testing.T) *keySet {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i := &keySet{key: key}
	public, err := json.Marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}})
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(public)
	}))
	t.Cleanup(server.Close)
	i.url = server.URL + "/jwks"
	return i
}

// token signs the usual claims with these changed; nil: without the claim.
func (i *keySet) token(t *testing.T, changed map[string]any) string {
	t.Helper()
	now := time.Now()
	claims := map[string]any{
		"iss": "https://login.example.com", "aud": "kafka", "sub": "eventferry", "scope": []string{"produce"},
		"iat": now.Add(-time.Hour).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range changed {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	var parts []string
	for _, part := range []any{map[string]any{"alg": "RS256", "typ": "JWT", "kid": "one"}, claims} {
		text, err := json.Marshal(part)
		require.NoError(t, err)
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	digest := sha256.Sum256([]byte(strings.Join(parts, ".")))
	signature, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, digest[:])
	require.NoError(t, err)
	return strings.Join(append(parts, base64.RawURLEncoding.EncodeToString(signature)), ".")
}

// TestApacheKafka_jwks: brokers that check signatures with the keys of an identity
// provider, as managed services do, take its tokens, also under load while sessions
// end. They refuse those that have expired, are of another issuer, for another
// audience, or signed with another key, by one answer for all. The text names what it
// may be.
func TestApacheKafka_jwks(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	i := newKeySet(t)
	listener := apachekafka.Listener{Name: "JWKS", Properties: map[string]string{
		"sasl.enabled.mechanisms":                        "OAUTHBEARER",
		"oauthbearer.sasl.jaas.config":                   "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
		"oauthbearer.sasl.server.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
		"oauthbearer.sasl.oauthbearer.jwks.endpoint.url": i.url,
		"oauthbearer.sasl.oauthbearer.expected.issuer":   "https://login.example.com",
		"oauthbearer.sasl.oauthbearer.expected.audience": "kafka",
		"oauthbearer.connections.max.reauth.ms":          "4000",
	}}
	k := apachekafka.New(t, apachekafka.WithListener(listener),
		apachekafka.WithJavaProperty("org.apache.kafka.sasl.oauthbearer.allowed.urls", i.url))
	require.NoError(t, k.CreateTopic(t.Context(), "events", 6, nil))
	s := k.Settings("events")
	s.BootstrapServers = strings.Join(k.Servers(listener.Name), ",")
	s.AuthenticationMethod, s.UserName, s.Password = "", "", settings.Secret{}

	t.Run("sessions end under load", func(t *testing.T) {
		reauthenticateUnderLoad(t, k, s, func() string { return i.token(t, nil) })
	})
	const refused = "refused a client with OAUTHBEARER: the token has expired, or the broker's jaas configuration does not accept its issuer, audience or scope"
	for name, tt := range map[string]struct {
		token string
		want  string // empty: it is taken
	}{
		"expired":           {i.token(t, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), refused},
		"foreign issuer":    {i.token(t, map[string]any{"iss": "https://elsewhere.example.com"}), refused},
		"foreign audience":  {i.token(t, map[string]any{"aud": "others"}), refused},
		"foreign key":       {newKeySet(t).token(t, nil), refused},
		"without a subject": {i.token(t, map[string]any{"sub": nil}), refused},
		"without a scope":   {i.token(t, map[string]any{"scope": nil}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := forwarder.New(t.Context(), s, forwarder.WithAuthenticator(&oauth.Bearer{Tokens: constant(tt.token)}))
			if tt.want == "" {
				require.NoError(t, err, "Kafka's validator requires no scope")
				require.NoError(t, f.Close())
				return
			}
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), tt.token)
		})
	}
}
