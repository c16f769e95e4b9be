package forwarder

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

func TestCredentials_mechanisms(t *testing.T) {
	asked := WithCredentials(func(context.Context) (string, settings.Secret, error) {
		return "ann", settings.NewSecret("pencil"), nil
	})
	for _, tt := range []struct {
		name   string
		user   string
		method settings.Method
		opts   []Option
		want   identity
	}{
		{"nobody", "", "", nil, identity{}},
		{"the page's default", "bob", "", nil, identity{user: "bob", mechanism: sarama.SASLTypePlaintext}},
		{"PLAIN", "bob", settings.Plain, nil, identity{user: "bob", mechanism: sarama.SASLTypePlaintext}},
		{"SCRAM-SHA-256", "bob", settings.SCRAMSHA256, nil, identity{user: "bob", mechanism: sarama.SASLTypeSCRAMSHA256}},
		{"SCRAM-SHA-512", "bob", settings.SCRAMSHA512, nil, identity{user: "bob", mechanism: sarama.SASLTypeSCRAMSHA512}},
		{"credentials, PLAIN", "", "", []Option{asked}, identity{user: "ann", mechanism: sarama.SASLTypePlaintext}},
		{"credentials instead of the settings'", "bob", settings.Plain, []Option{asked}, identity{user: "ann", mechanism: sarama.SASLTypePlaintext}},
		{
			"authenticator", "", "",
			[]Option{asked, WithAuthenticator(auth.Plain{UserName: "carl", Password: settings.NewSecret("x")})},
			identity{user: "carl", mechanism: sarama.SASLTypePlaintext},
		},
		{
			"the later one wins", "", "",
			[]Option{WithAuthenticator(auth.Plain{UserName: "carl", Password: settings.NewSecret("x")}), asked},
			identity{user: "ann", mechanism: sarama.SASLTypePlaintext},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := somewhere
			s.AuthenticationMethod = tt.method
			if tt.user != "" {
				s.UserName, s.Password = tt.user, settings.NewSecret("pencil")
			}
			p := probeOf(t, s, tt.opts...)
			cfg, err := p.configure()
			require.NoError(t, err)
			assert.Equal(t, tt.want, p.who(cfg))
		})
	}
}

// TestCredentials_incompleteSettings: what the settings lack of credentials is
// no mistake when they come from elsewhere, and one otherwise.
func TestCredentials_incompleteSettings(t *testing.T) {
	s := somewhere
	s.UserName, s.AuthenticationMethod = "mparticle", settings.SCRAMSHA512
	_, err := newProbe(s, options{})
	var field *settings.FieldError
	require.ErrorAs(t, err, &field)
	assert.Equal(t, "password", field.Field)
	probeOf(t, s, WithCredentials(func(context.Context) (string, settings.Secret, error) { return "", settings.Secret{}, nil }))
	probeOf(t, s, WithAuthenticator(auth.Func(func(*sarama.Config) error { return nil })))

	s.BootstrapServers = "b1" // still a mistake
	_, err = newProbe(s, options{authenticator: auth.Func(func(*sarama.Config) error { return nil })})
	require.ErrorAs(t, err, &field)
	assert.Equal(t, "bootstrap_servers", field.Field)
}

// TestCredentials_failing: PLAIN asks each time a producer is built or a probe
// runs, SCRAM at each connection. What goes wrong comes back, at once.
func TestCredentials_failing(t *testing.T) {
	asked := 0
	s := somewhere
	p := probeOf(t, s, WithCredentials(func(context.Context) (string, settings.Secret, error) {
		asked++
		return "", settings.Secret{}, errVault
	}))
	for range 2 {
		err := p.run(t.Context())
		assert.ErrorIs(t, err, errVault)
		assert.EqualError(t, err, "authenticating: auth: PLAIN: asking for credentials: vault is sealed")
	}
	assert.Equal(t, 2, asked)
}

// TestCredentials_nil: a mistake of the program does not become a connection
// without credentials.
func TestCredentials_nil(t *testing.T) {
	var scram *auth.SCRAM
	for _, opt := range []Option{
		WithCredentials(nil), WithAuthenticator(nil), WithAuthenticator(auth.Func(nil)), WithAuthenticator(scram),
	} {
		_, err := New(t.Context(), somewhere, WithoutProbe(), opt)
		assert.EqualError(t, err, "forwarder: the authenticator, or the function that returns credentials, is nil")
	}
	later := WithAuthenticator(auth.Plain{UserName: "carl", Password: settings.NewSecret("x")})
	probeOf(t, somewhere, WithCredentials(nil), later)
}

// TestCredentials_blocking: New waits for them no longer than for brokers.
func TestCredentials_blocking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		defer close(released)
		start := time.Now()
		_, err := New(context.Background(), somewhere, WithoutProbe(), WithCredentials(
			func(context.Context) (string, settings.Secret, error) {
				<-released
				return "", settings.Secret{}, errors.New("too late")
			}))
		assert.EqualError(t, err, "forwarder: no credentials yet: context deadline exceeded")
		assert.Equal(t, patience, time.Since(start))
	})
}

func probeOf(t *testing.T, s settings.Settings, opts ...Option) *probe {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt.apply(&o)
	}
	p, err := newProbe(s, o)
	require.NoError(t, err)
	return p
}
