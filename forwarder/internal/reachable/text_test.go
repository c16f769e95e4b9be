package reachable_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/internal/reachable"
	"github.com/eventferry/eventferry/settings"
)

const password = "hunter2-Zq8"

type hidden struct {
	text  string
	any   any
	inner *hidden
}

func TestText_finds(t *testing.T) {
	circle := &hidden{}
	circle.inner = circle
	circle.any = []any{map[string]error{"k": errors.New("wrong: " + password)}}
	for name, tc := range map[string]struct {
		value any
		path  string
	}{
		"a string":            {password + "!", "string"},
		"an unexported field": {hidden{text: password}, "reachable_test.hidden.text"},
		"behind pointers":     {&hidden{inner: &hidden{text: password}}, "**reachable_test.hidden.inner.text"},
		"in a circle":         {circle, "**reachable_test.hidden.any[0][k].s"},
		"bytes":               {hidden{any: []byte(password)}, "reachable_test.hidden.any"},
		"an array of bytes":   {[11]byte([]byte(password)), "[11]uint8"},
		"a key":               {map[string]int{password: 1}, "map[string]int key"},
		"a list":              {[]string{"", password}, "[]string[1]"},
		"not the text":        {hidden{text: "hunter"}, ""},
		"a closure":           {func() string { return password }, ""},
		"nothing":             {nil, ""},
		"nil inside":          {&hidden{}, ""},
	} {
		found := reachable.Text(tc.value, password)
		assert.Equal(t, strings.ReplaceAll(tc.path, "*", ""), strings.ReplaceAll(found, "*", ""), name)
	}
}

// A configuration that PLAIN was applied to does hold the password, as the doc
// of auth says: Sarama has no other way.
func TestText_findsPLAINsPasswordInSaramasConfiguration(t *testing.T) {
	cfg := overTLS()
	require.NoError(t, auth.Plain{UserName: "u", Password: settings.NewSecret(password)}.Apply(cfg))
	assert.Contains(t, reachable.Text(cfg, password), "Net.SASL.Password")
}

// TestSecrets_areReachableNowhere goes through the values of settings and auth
// that know a password.
func TestSecrets_areReachableNowhere(t *testing.T) {
	secret := settings.NewSecret(password)
	s := settings.Settings{UserName: "u", Password: secret}
	for name, value := range map[string]any{
		"secret":                secret,
		"settings":              s,
		"settings and defaults": s.WithDefaults(),
		"mistake":               (settings.Settings{Password: settings.NewSecret(password + "\x00")}).Validate(),
		"JSON mistake":          jsonMistake(),
		"PLAIN":                 auth.Plain{UserName: "u", Password: secret},
		"SCRAM":                 &auth.SCRAM{UserName: "u", Password: secret},
		"SCRAM in use":          inUse(t, &auth.SCRAM{UserName: "u", Password: secret}),
		"SCRAM that asks":       inUse(t, &auth.SCRAM{Credentials: func(context.Context) (string, settings.Secret, error) { return "u", secret, nil }}),
		"authenticator":         auth.AuthenticatorFunc(auth.Plain{UserName: "u", Password: secret}.Apply),
	} {
		assert.Empty(t, reachable.Text(value, password), name)

		var printed strings.Builder
		fmt.Fprintf(&printed, "%v %+v %#v %s %q %x", value, value, value, value, value, value)
		slog.New(slog.NewTextHandler(&printed, nil)).Info("m", "value", value)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("m", "value", value)
		assert.False(t, assert.ObjectsAreEqual(value, 1), name)
		assert.Equal(&failure{&printed}, value, 1) // prints value by testify
		assert.NotContains(t, printed.String(), password, name)
		assert.NotContains(t, strings.ToLower(printed.String()), fmt.Sprintf("%x", password), name)
	}
}

type failure struct{ *strings.Builder }

func (f *failure) Errorf(format string, args ...any) { fmt.Fprintf(f, format, args...) }

func jsonMistake() error {
	_, err := settings.Parse([]byte(`{"password": ["` + password + `"], "passwort": "` + password + `"}`))
	return err
}

// inUse returns a SCRAM, the configuration it was applied to, and a conversation
// that has begun.
func inUse(t *testing.T, s *auth.SCRAM) any {
	t.Helper()
	cfg := overTLS()
	require.NoError(t, s.Apply(cfg))
	conversation := cfg.Net.SASL.SCRAMClientGeneratorFunc()
	require.NoError(t, conversation.Begin("", "", ""))
	first, err := conversation.Step("")
	require.NoError(t, err)
	_, nonce, ok := strings.Cut(first, ",r=")
	require.True(t, ok)
	_, err = conversation.Step("r=" + nonce + "theirs,s=c2FsdA==,i=4096") // derives keys
	require.NoError(t, err)
	return []any{s, cfg, conversation}
}

func overTLS() *sarama.Config {
	cfg := sarama.NewConfig()
	cfg.ClientID = "test"
	cfg.Net.TLS.Enable = true
	return cfg
}
