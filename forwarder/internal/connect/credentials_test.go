package connect

import (
	"context"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

func TestCredentials_mechanisms(t *testing.T) {
	asked := Options{Credentials: func(context.Context) (string, settings.Secret, error) {
		return "ann", settings.NewSecret("pencil"), nil
	}}
	for _, tt := range []struct {
		name   string
		user   string
		method settings.Method
		opts   Options
		want   identity
	}{
		{"no user", "", "", Options{}, identity{}},
		{"the page's default", "bob", "", Options{}, identity{user: "bob", mechanism: sarama.SASLTypePlaintext}},
		{"PLAIN", "bob", settings.Plain, Options{}, identity{user: "bob", mechanism: sarama.SASLTypePlaintext}},
		{"SCRAM-SHA-256", "bob", settings.SCRAMSHA256, Options{}, identity{user: "bob", mechanism: sarama.SASLTypeSCRAMSHA256}},
		{"SCRAM-SHA-512", "bob", settings.SCRAMSHA512, Options{}, identity{user: "bob", mechanism: sarama.SASLTypeSCRAMSHA512}},
		{"credentials, PLAIN", "", "", asked, identity{user: "ann", mechanism: sarama.SASLTypePlaintext, option: "WithCredentials"}},
		{"credentials instead of the settings'", "bob", settings.Plain, asked, identity{user: "ann", mechanism: sarama.SASLTypePlaintext, option: "WithCredentials"}},
		{
			"authenticator", "", "",
			Options{Authenticator: auth.Plain{UserName: "carl", Password: settings.NewSecret("x")}},
			identity{user: "carl", mechanism: sarama.SASLTypePlaintext, option: "WithAuthenticator"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := somewhere
			s.AuthenticationMethod = tt.method
			if tt.user != "" {
				s.UserName, s.Password = tt.user, settings.NewSecret("pencil")
			}
			p := probeOf(t, s, tt.opts)
			cfg, err := p.configure()
			require.NoError(t, err)
			assert.Equal(t, tt.want, p.identityOf(cfg))
		})
	}
}

// TestCredentials_failing: PLAIN asks each time a producer is built or a probe
// runs, SCRAM at each connection. What goes wrong comes back, at once.
func TestCredentials_failing(t *testing.T) {
	asked := 0
	s := somewhere
	p := probeOf(t, s, Options{Credentials: func(context.Context) (string, settings.Secret, error) {
		asked++
		return "", settings.Secret{}, errVault
	}})
	for range 2 {
		err := p.Run(t.Context())
		assert.ErrorIs(t, err, errVault)
		assert.EqualError(t, err, "authenticating: auth: PLAIN: asking for credentials: vault is sealed")
	}
	assert.Equal(t, 2, asked)
}

func probeOf(t *testing.T, s settings.Settings, o Options) *Probe {
	t.Helper()
	p, err := New(s.WithDefaults(), o)
	require.NoError(t, err)
	return p
}

// A method that the settings know and this package does not is refused: it is not
// taken for PLAIN.
func TestAuthenticatorFor_unknownMethod(t *testing.T) {
	cfg := sarama.NewConfig()
	cfg.Net.TLS.Enable = true
	err := authenticatorFor("SCRAM-SHA-1024", "mparticle", settings.NewSecret("crayon"), nil).Apply(cfg)
	assert.EqualError(t, err, `authentication_method "SCRAM-SHA-1024" has no authenticator`)
	assert.False(t, cfg.Net.SASL.Enable)
	assert.Empty(t, cfg.Net.SASL.Password)
}
