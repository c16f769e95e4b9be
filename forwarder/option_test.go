package forwarder

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

var somewhere = settings.Settings{BootstrapServers: "b1:9093", TopicName: "events"}

// TestCredentials_incompleteSettings: credentials that the settings lack are
// no mistake when they come from elsewhere, and one otherwise.
func TestCredentials_incompleteSettings(t *testing.T) {
	s := somewhere
	s.UserName, s.AuthenticationMethod = "mparticle", settings.SCRAMSHA512
	_, err := New(t.Context(), s, WithoutProbe())
	var field *settings.FieldError
	require.ErrorAs(t, err, &field)
	assert.Equal(t, "password", field.Field)
	unasked := func(context.Context) (string, settings.Secret, error) {
		return "ann", settings.NewSecret("pencil"), nil
	}
	anyone := WithAuthenticator(auth.AuthenticatorFunc(func(*sarama.Config) error { return nil }))
	for _, opt := range []Option{WithCredentials(unasked), anyone} {
		f, err := New(t.Context(), s, WithoutProbe(), opt)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}

	s.BootstrapServers = "b1" // still a mistake
	_, err = New(t.Context(), s, WithoutProbe(), anyone)
	require.ErrorAs(t, err, &field)
	assert.Equal(t, "bootstrap_servers", field.Field)
}

// TestCredentials_nil: a mistake of the program does not become a connection
// without credentials.
func TestCredentials_nil(t *testing.T) {
	var scram *auth.SCRAM
	for _, opt := range []Option{
		WithCredentials(nil), WithAuthenticator(nil), WithAuthenticator(auth.AuthenticatorFunc(nil)), WithAuthenticator(scram),
	} {
		_, err := New(t.Context(), somewhere, WithoutProbe(), opt)
		assert.EqualError(t, err, "forwarder: the authenticator, or the function that returns credentials, is nil")
	}
	later := WithAuthenticator(auth.Plain{UserName: "carl", Password: settings.NewSecret("x")})
	f, err := New(t.Context(), somewhere, WithoutProbe(), WithCredentials(nil), later)
	require.NoError(t, err)
	require.NoError(t, f.Close())
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
		assert.Equal(t, 30*time.Second, time.Since(start))
	})
}

func TestWithTLS_refused(t *testing.T) {
	withCA := somewhere
	withCA.TLS.CAFile = "ca.pem"
	for name, tt := range map[string]struct {
		settings settings.Settings
		tls      *tls.Config
		want     string
	}{
		"unverified": {
			somewhere, &tls.Config{InsecureSkipVerify: true},
			"forwarder: WithTLS: InsecureSkipVerify is set, but certificates are always verified: set RootCAs to the CA of the brokers",
		},
		"unverified, with a check of its own": {
			somewhere,
			&tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { return nil }},
			"forwarder: WithTLS: InsecureSkipVerify is set, but certificates are always verified: set RootCAs to the CA of the brokers",
		},
		"TLS 1.1": {
			somewhere, &tls.Config{MaxVersion: tls.VersionTLS11},
			"forwarder: WithTLS: MaxVersion is below TLS 1.2, which is the least that is used",
		},
		"settings, too": {
			withCA, &tls.Config{},
			"forwarder: WithTLS replaces the tls settings: leave those empty, or set everything there",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := New(t.Context(), tt.settings, WithTLS(tt.tls), WithoutProbe())
			assert.EqualError(t, err, tt.want)
			assert.Nil(t, f)
		})
	}
}

// TestWithTLS: the caller's configuration is neither written to nor read after
// the option was made.
func TestWithTLS(t *testing.T) {
	given := &tls.Config{MinVersion: tls.VersionTLS10, ServerName: "kafka.example"}
	option := WithTLS(given)
	given.InsecureSkipVerify = true
	given.ServerName = "other.example"

	f, err := New(t.Context(), somewhere, WithoutProbe(), option)
	require.NoError(t, err)
	defer f.Close()
	assert.Equal(t, "kafka.example", f.options.connect.TLS.ServerName)
	assert.False(t, f.options.connect.TLS.InsecureSkipVerify)
	assert.Equal(t, uint16(tls.VersionTLS10), given.MinVersion, "the caller's own")
}

// Nil stands for the settings, and does not collide with them.
func TestWithTLS_nil(t *testing.T) {
	s := somewhere
	s.TLS.MinVersion = settings.TLS13
	f, err := New(t.Context(), s, WithoutProbe(), WithTLS(nil))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// Of WithAuthenticator and WithCredentials the later one wins.
func TestOptions_laterWins(t *testing.T) {
	asked := WithCredentials(func(context.Context) (string, settings.Secret, error) {
		return "ann", settings.NewSecret("pencil"), nil
	})
	authenticator := WithAuthenticator(auth.Plain{UserName: "carl", Password: settings.NewSecret("x")})
	var o options
	asked.apply(&o)
	authenticator.apply(&o)
	assert.NotNil(t, o.connect.Authenticator)
	assert.Nil(t, o.connect.Credentials)
	asked.apply(&o)
	assert.Nil(t, o.connect.Authenticator)
	assert.NotNil(t, o.connect.Credentials)
}

// Mistakes in the files are found all at once, too.
func TestNew_badFiles(t *testing.T) {
	_, err := New(t.Context(), settings.Settings{
		BootstrapServers: "127.0.0.1:1", TopicName: "events", UserName: "ann", PasswordFile: "/nowhere/password",
		TLS: settings.TLS{CAFile: "/nowhere/ca.pem"},
	})
	assert.ErrorContains(t, err, "password_file")
	assert.ErrorContains(t, err, "tls.ca_file")
}

// Nil stands for the default logger.
func TestWithLogger_nil(t *testing.T) {
	o := options{}
	WithLogger(nil).apply(&o)
	assert.Equal(t, slog.Default(), o.logger)
}
