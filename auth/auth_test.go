package auth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

func overTLS() *sarama.Config {
	cfg := sarama.NewConfig()
	cfg.ClientID = "test"
	cfg.Net.TLS.Enable = true
	return cfg
}

func secret(text string) settings.Secret { return settings.NewSecret(text) }

func asked(userName, password string) auth.Credentials {
	return func(context.Context) (string, settings.Secret, error) { return userName, secret(password), nil }
}

func TestApply_setsSASLOnly(t *testing.T) {
	for name, c := range map[string]struct {
		a                      auth.Authenticator
		mechanism              sarama.SASLMechanism
		user, password, hidden string
	}{
		"PLAIN":             {auth.Plain{UserName: "u", Password: secret("p-w")}, sarama.SASLTypePlaintext, "u", "p-w", ""},
		"PLAIN, not ASCII":  {auth.Plain{UserName: "\u00fc", Password: secret("p-\u00fc")}, sarama.SASLTypePlaintext, "\u00fc", "p-\u00fc", ""},
		"PLAIN asks":        {auth.Plain{Credentials: asked("u", "p-w")}, sarama.SASLTypePlaintext, "u", "p-w", ""},
		"SCRAM":             {&auth.SCRAM{UserName: "u", Password: secret("p-w")}, sarama.SASLTypeSCRAMSHA512, "u", "[redacted]", "p-w"},
		"SCRAM-SHA-256":     {&auth.SCRAM{Hash: auth.SHA256, UserName: "u", Password: secret("p-w")}, sarama.SASLTypeSCRAMSHA256, "u", "[redacted]", "p-w"},
		"SCRAM asks, later": {&auth.SCRAM{Credentials: asked("u", "p-w")}, sarama.SASLTypeSCRAMSHA512, "[asked at each connection]", "[redacted]", "p-w"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := overTLS()
			// What another mechanism left behind.
			sasl := &cfg.Net.SASL
			sasl.Version, sasl.Handshake = sarama.SASLHandshakeV0, false
			sasl.AuthIdentity, sasl.SCRAMAuthzID = "other", "other"
			sasl.TokenProvider, sasl.GSSAPI.Password = token("other"), "other"
			sasl.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return nil }

			before := *cfg

			require.NoError(t, c.a.Apply(cfg))
			require.NoError(t, cfg.Validate())
			if c.hidden != "" {
				assert.NotContains(t, fmt.Sprintf("%+v %#v", cfg, cfg), c.hidden)
			}

			want := overTLS().Net.SASL
			want.Enable, want.Mechanism, want.Version, want.Handshake = true, c.mechanism, sarama.SASLHandshakeV1, true
			want.User, want.Password = c.user, c.password
			assert.Equal(t, c.mechanism != sarama.SASLTypePlaintext, sasl.SCRAMClientGeneratorFunc != nil)
			sasl.SCRAMClientGeneratorFunc = nil // functions cannot be compared
			assert.Equal(t, want, *sasl)
			*sasl = before.Net.SASL
			assert.Equal(t, fmt.Sprintf("%+v", before), fmt.Sprintf("%+v", *cfg), "more than Net.SASL changed")
		})
	}
}

func TestApply_refuses(t *testing.T) {
	const hidden = "hidden\x00"
	login := func(userName, password string) []auth.Authenticator {
		return []auth.Authenticator{
			auth.Plain{UserName: userName, Password: secret(password)},
			auth.Plain{Credentials: asked(userName, password)},
			&auth.SCRAM{UserName: userName, Password: secret(password)},
		}
	}
	for name, c := range map[string]struct {
		all  []auth.Authenticator
		want string
	}{
		"no user name":               {login("", "hidden"), "user name is empty"},
		"no password":                {login("user", ""), "password is empty"},
		"nothing":                    {[]auth.Authenticator{auth.Plain{}, &auth.SCRAM{}}, "user name is empty"},
		"NUL in the user name":       {login("us\x00er", "hidden"), "user name contains a NUL byte"},
		"NUL in the password":        {login("user", hidden), "password contains a NUL byte"},
		"user name that is no UTF-8": {login("us\xffer", "hidden"), "user name is not valid UTF-8"},
		"password that is no UTF-8":  {login("user", "hidden\xff"), "password is not valid UTF-8"},
		"user name and Credentials": {[]auth.Authenticator{
			auth.Plain{UserName: "user", Credentials: asked("user", "hidden")},
			&auth.SCRAM{UserName: "user", Credentials: asked("user", "hidden")},
		}, "choose one"},
		"password and Credentials": {[]auth.Authenticator{
			auth.Plain{Password: secret("hidden"), Credentials: asked("user", "hidden")},
			&auth.SCRAM{Password: secret("hidden"), Credentials: asked("user", "hidden")},
		}, "choose one"},
		"user name beyond ASCII": {[]auth.Authenticator{
			&auth.SCRAM{UserName: "us\u00e9r", Password: secret("hidden")},
			&auth.SCRAM{Hash: auth.SHA256, UserName: "\u0080", Password: secret("hidden")},
		}, "user name has characters beyond ASCII, which Kafka accepts for PLAIN only"},
		"unknown hash": {[]auth.Authenticator{
			&auth.SCRAM{Hash: 7, UserName: "user", Password: secret("hidden")},
		}, "auth: SCRAM: unknown hash Hash(7)"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range c.all {
				cfg := overTLS()
				err := a.Apply(cfg)
				require.ErrorContains(t, err, c.want, "%T", a)
				assert.ErrorContains(t, err, "auth: ")
				assert.NotContains(t, err.Error(), "hidden")
				assert.False(t, cfg.Net.SASL.Enable)
			}
		})
	}
}

func TestApply_refusesPlaintext(t *testing.T) {
	for _, a := range []auth.Authenticator{
		auth.Plain{UserName: "user", Password: secret("hidden")},
		auth.Plain{Credentials: asked("user", "hidden")},
		&auth.SCRAM{UserName: "user", Password: secret("hidden")},
		&auth.SCRAM{Credentials: asked("user", "hidden")},
	} {
		cfg := sarama.NewConfig()
		before := cfg.Net.SASL
		require.ErrorContains(t, a.Apply(cfg), "refused without TLS", "%T", a)
		assert.Equal(t, before, cfg.Net.SASL)
	}
}

func TestPlain_asksAtEachApply(t *testing.T) {
	errVault := errors.New("vault is sealed")
	passwords := []string{"first", "second"}
	a := auth.Plain{Credentials: func(ctx context.Context) (string, settings.Secret, error) {
		_, bounded := ctx.Deadline()
		assert.True(t, bounded, "the context has no end")
		if len(passwords) == 0 {
			return "", settings.Secret{}, errVault
		}
		next := passwords[0]
		passwords = passwords[1:]
		return "user", secret(next), nil
	}}
	cfg := overTLS()
	for _, want := range []string{"first", "second"} {
		require.NoError(t, a.Apply(cfg))
		assert.Equal(t, want, cfg.Net.SASL.Password)
	}
	err := a.Apply(cfg)
	require.ErrorIs(t, err, errVault)
	assert.EqualError(t, err, "auth: PLAIN: asking for credentials: vault is sealed")
}

func TestHash_String(t *testing.T) {
	assert.Equal(t, "SHA-512 SHA-256 Hash(9)", fmt.Sprint(auth.SHA512, auth.SHA256, auth.Hash(9)))
}
