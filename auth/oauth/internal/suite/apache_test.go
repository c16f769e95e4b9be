package suite_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
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

// bearerListener is one with Kafka's validator of tokens that are not signed, and with
// sessions of four seconds.
var bearerListener = apachekafka.Listener{Name: "BEARER", Properties: map[string]string{
	"sasl.enabled.mechanisms": "OAUTHBEARER",
	"oauthbearer.sasl.jaas.config": `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ` +
		`unsecuredLoginStringClaim_sub="broker" unsecuredValidatorRequiredScope="kafka";`,
	"oauthbearer.connections.max.reauth.ms": "4000",
}}

// constant is a source that always gives the same token.
func constant(token string) oauth.TokenFunc {
	return func(context.Context) (settings.Secret, error) { return settings.NewSecret(token), nil }
}

// unsigned is a token that Kafka's validator for tests accepts (alg none).
func unsigned(t *testing.T, life time.Duration, scope string) string {
	t.Helper()
	part := func(claims map[string]any) string {
		text, err := json.Marshal(claims)
		assert.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	now := time.Now()
	return part(map[string]any{"alg": "none"}) + "." + part(map[string]any{
		"sub": "eventferry", "iat": now.Add(-time.Hour).Unix(), "exp": now.Add(life).Unix(), "scope": scope,
	}) + "."
}

// TestApacheKafka: sessions end again and again under load, and each gets a token of
// its own. Nothing is lost, doubled or overtaken. What is no good is refused.
func TestApacheKafka(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	k := apachekafka.New(t, apachekafka.WithListener(bearerListener))
	require.NoError(t, k.CreateTopic(t.Context(), "events", 6, nil))
	s := k.Settings("events")
	s.BootstrapServers = strings.Join(k.Servers(bearerListener.Name), ",")
	s.AuthenticationMethod, s.UserName, s.Password = "", "", settings.Secret{}

	t.Run("sessions end under load", func(t *testing.T) {
		reauthenticateUnderLoad(t, k, s, func() string { return unsigned(t, time.Hour, "kafka") })
	})
	for name, tt := range map[string]struct {
		token string
		want  string
	}{
		"expired":  {unsigned(t, -time.Minute, "kafka"), "refused a client with OAUTHBEARER: the token has expired"},
		"no scope": {unsigned(t, time.Hour, "other"), "refused a client with OAUTHBEARER: the token lacks the scope"},
		"no token": {"hidden", "refused a client with OAUTHBEARER: "},
		"empty":    {"", "the token is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := forwarder.New(t.Context(), s, forwarder.WithAuthenticator(&oauth.Bearer{Tokens: constant(tt.token)}))
			require.ErrorContains(t, err, tt.want)
			t.Log(err)
			if tt.token != "" {
				assert.NotContains(t, err.Error(), tt.token)
			}
		})
	}
}
