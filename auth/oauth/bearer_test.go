package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/auth/oauth"
	"github.com/eventferry/eventferry/settings"
)

var _ auth.Authenticator = (*oauth.Bearer)(nil)

func overTLS() *sarama.Config {
	cfg := sarama.NewConfig()
	cfg.ClientID = "test"
	cfg.Net.TLS.Enable = true
	return cfg
}

func constant(token string) oauth.TokenFunc {
	return func(context.Context) (settings.Secret, error) { return settings.NewSecret(token), nil }
}

// Nothing of another mechanism remains, nothing but Net.SASL changes, and the token is
// asked for later.
func TestBearer_Apply(t *testing.T) {
	asked := 0
	b := &oauth.Bearer{
		Tokens: oauth.TokenFunc(func(ctx context.Context) (settings.Secret, error) {
			asked++
			_, bounded := ctx.Deadline()
			assert.True(t, bounded)
			return settings.NewSecret(fmt.Sprintf("token-%d", asked)), nil
		}),
		Extensions: map[string]string{"logicalCluster": "lkc-1"},
	}
	cfg := overTLS()
	require.NoError(t, (&auth.SCRAM{UserName: "ann", Password: settings.NewSecret("pencil")}).Apply(cfg))
	before := *cfg
	require.NoError(t, b.Apply(cfg))
	require.NoError(t, cfg.Validate())
	assert.Zero(t, asked)
	for i := range 2 {
		token, err := cfg.Net.SASL.TokenProvider.Token()
		require.NoError(t, err)
		assert.Equal(t, &sarama.AccessToken{Token: fmt.Sprintf("token-%d", i+1), Extensions: b.Extensions}, token, "asked for each time")
	}
	want := overTLS().Net.SASL
	want.Enable, want.Mechanism, want.Version, want.Handshake = true, sarama.SASLTypeOAuth, sarama.SASLHandshakeV1, true
	cfg.Net.SASL.TokenProvider = nil
	assert.Equal(t, want, cfg.Net.SASL)
	cfg.Net.SASL = before.Net.SASL
	assert.Equal(t, fmt.Sprintf("%+v", before), fmt.Sprintf("%+v", *cfg))
}

func TestBearer_Apply_refuses(t *testing.T) {
	plaintext := sarama.NewConfig()
	for want, tt := range map[string]struct {
		bearer oauth.Bearer
		cfg    *sarama.Config
	}{
		"Bearer.Tokens is not set":           {oauth.Bearer{}, overTLS()},
		"refused without TLS":                {oauth.Bearer{Tokens: constant("x")}, plaintext},
		"must not be named auth":             {oauth.Bearer{Tokens: constant("x"), Extensions: map[string]string{"auth": "x"}}, overTLS()},
		`extension "a b": its name`:          {oauth.Bearer{Tokens: constant("x"), Extensions: map[string]string{"a b": "x"}}, overTLS()},
		`extension "pool": its value`:        {oauth.Bearer{Tokens: constant("x"), Extensions: map[string]string{"pool": "a\x01auth=b"}}, overTLS()},
		`extension "identity": its value`:    {oauth.Bearer{Tokens: constant("x"), Extensions: map[string]string{"identity": "\u00fc"}}, overTLS()},
		`extension "": its name must be let`: {oauth.Bearer{Tokens: constant("x"), Extensions: map[string]string{"": "x"}}, overTLS()},
	} {
		err := tt.bearer.Apply(tt.cfg)
		require.ErrorContains(t, err, want)
		assert.False(t, tt.cfg.Net.SASL.Enable)
	}
}

// A token that would end the message early never gets into one.
func TestBearer_badTokens(t *testing.T) {
	errVault := errors.New("vault is sealed")
	for want, source := range map[string]oauth.TokenFunc{
		"oauth: the token is empty":                  constant(""),
		"characters that no bearer token has":        constant("hidden\x01auth=Bearer other"),
		"characters that no bearer token has (":      constant("hidden\n"),
		"oauth: asking for a token: vault is sealed": func(context.Context) (settings.Secret, error) { return settings.Secret{}, errVault },
	} {
		cfg := overTLS()
		require.NoError(t, (&oauth.Bearer{Tokens: source}).Apply(cfg))
		token, err := cfg.Net.SASL.TokenProvider.Token()
		assert.Nil(t, token)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "hidden")
	}
}

// A token file is read each time.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	f := oauth.File{Path: path}
	for _, want := range []string{"first", "second"} {
		require.NoError(t, os.WriteFile(path, []byte(" "+want+"\n"), 0o600))
		token, err := f.Token(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, token.Reveal())
	}
	for content, want := range map[string]string{" \n": "is empty", strings.Repeat("hidden", 11_000): "is too large to be a token"} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := f.Token(t.Context())
		require.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, path)
		assert.NotContains(t, err.Error(), "hidden")
	}
	require.NoError(t, os.Remove(path))
	_, err := f.Token(t.Context())
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// An issuer is an identity provider.
type issuer struct {
	*httptest.Server
	mu       sync.Mutex
	requests []url.Values
	answer   func(http.ResponseWriter)
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		assert.NoError(t, r.ParseForm())
		id, secret, _ := r.BasicAuth()
		form := r.PostForm
		form.Set("id", id)
		form.Set("secret", secret)
		i.requests = append(i.requests, form)
		i.answer(w)
	}))
	t.Cleanup(i.Close)
	i.gives(3600)
	return i
}

// gives has it issue tokens, numbered, for so many seconds; 0: it does not say.
func (i *issuer) gives(seconds int) {
	i.answer = func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		answer := map[string]any{"access_token": fmt.Sprintf("issued-%d", len(i.requests)), "token_type": "Bearer"}
		if seconds > 0 {
			answer["expires_in"] = seconds
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func (i *issuer) credentials() *oauth.ClientCredentials {
	return &oauth.ClientCredentials{
		TokenEndpointURL: i.URL + "/token", ClientID: "eventferry", ClientSecret: settings.NewSecret("hidden"), HTTPClient: i.Client(),
	}
}

func TestClientCredentials(t *testing.T) {
	i := newIssuer(t)
	c := i.credentials()
	c.Scope, c.Parameters = "kafka write", url.Values{"audience": {"brokers"}}
	var asking sync.WaitGroup
	for range 8 { // all brokers at once
		asking.Go(func() {
			token, err := c.Token(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, "issued-1", token.Reveal())
		})
	}
	asking.Wait()
	assert.Equal(t, []url.Values{{
		"grant_type": {"client_credentials"}, "scope": {"kafka write"}, "audience": {"brokers"}, "id": {"eventferry"}, "secret": {"hidden"},
	}}, i.requests)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", c, c), "hidden")
	assert.NotContains(t, fmt.Sprintf("%+v %#v", c, c), "issued-1")
}

// A token is kept while more than a fifth of its life is left, and not at all when the
// provider does not say how long it lives. A secret that changes is asked for each time.
func TestClientCredentials_renews(t *testing.T) {
	for name, tt := range map[string]struct {
		seconds, want int
	}{"lives for a second": {1, 2}, "lives for an hour": {3600, 1}, "not told": {0, 2}} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			i.gives(tt.seconds)
			c := i.credentials()
			secrets := 0
			c.ClientSecret = settings.Secret{}
			c.Secret = func(context.Context) (settings.Secret, error) {
				secrets++
				return settings.NewSecret(fmt.Sprintf("hidden-%d", secrets)), nil
			}
			_, err := c.Token(t.Context())
			require.NoError(t, err)
			<-time.After(850 * time.Millisecond)
			token, err := c.Token(t.Context())
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("issued-%d", tt.want), token.Reveal())
			assert.Equal(t, tt.want, secrets)
			assert.Equal(t, fmt.Sprintf("hidden-%d", tt.want), i.requests[len(i.requests)-1].Get("secret"))
		})
	}
}

// What the provider says may quote secrets, so only its codes are told.
func TestClientCredentials_refused(t *testing.T) {
	other := newIssuer(t)
	for name, tt := range map[string]struct {
		status int
		header string
		body   string
		want   string
	}{
		"wrong secret": {401, "", `{"error": "invalid_client", "error_description": "no hidden"}`, "gives no token (status 401, invalid_client): check the client's id, secret and scope"},
		"wrong scope":  {400, "", `{"error": "invalid_scope"}`, "gives no token (status 400, invalid_scope)"},
		"odd code":     {400, "", `{"error": "hidden secret"}`, "gives no token (status 400): "},
		"no JSON":      {500, "", `hidden`, "gives no token (status 500): "},
		"no token":     {200, "", `{"token_type": "hidden"}`, "answered without a token"},
		"elsewhere":    {307, other.URL, ``, "gives no token (status 307): "},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			i.answer = func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/json")
				if tt.header != "" {
					w.Header().Set("Location", tt.header)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}
			_, err := i.credentials().Token(t.Context())
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, strings.TrimPrefix(i.URL, "https://"), "the provider is named")
			assert.NotContains(t, err.Error(), "hidden")
			assert.Len(t, i.requests, 1)
		})
	}
	assert.Empty(t, other.requests, "redirects are not followed")

	gone := newIssuer(t)
	gone.Close()
	_, err := gone.credentials().Token(t.Context())
	assert.ErrorContains(t, err, "connection refused")
	untrusted := newIssuer(t).credentials()
	untrusted.HTTPClient = nil
	_, err = untrusted.Token(t.Context())
	assert.ErrorContains(t, err, "certificate")
}

func TestFromProperties(t *testing.T) {
	const endpoint = "sasl.oauthbearer.token.endpoint.url"
	b, err := oauth.FromProperties(map[string]string{
		endpoint: "https://login.example.com/token", "clientId": "eventferry", "clientSecret": "hidden", "scope": "kafka",
		"extension_logicalCluster": "lkc-1", "extension_identityPoolId": "pool-1",
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"logicalCluster": "lkc-1", "identityPoolId": "pool-1"}, b.Extensions)
	c, ok := b.Tokens.(*oauth.ClientCredentials)
	require.True(t, ok)
	assert.Equal(t, []string{"https://login.example.com/token", "eventferry", "hidden", "kafka"},
		[]string{c.TokenEndpointURL, c.ClientID, c.ClientSecret.Reveal(), c.Scope})

	b, err = oauth.FromProperties(map[string]string{endpoint: "file:///var/run/secrets/token"})
	require.NoError(t, err)
	assert.Equal(t, oauth.File{Path: "/var/run/secrets/token"}, b.Tokens)

	for want, p := range map[string]map[string]string{
		"must be a URL such as":             {},
		"must begin with https://":          {endpoint: "http://login.example.com/token", "clientId": "a", "clientSecret": "hidden"},
		"must not hold a user":              {endpoint: "https://a:hidden@login.example.com/token", "clientId": "a", "clientSecret": "hidden"},
		"ClientID (clientId) is required":   {endpoint: "https://login.example.com/token", "clientSecret": "hidden"},
		"ClientSecret (clientSecret) is re": {endpoint: "https://login.example.com/token", "clientId": "a"},
		`unknown property "sasl.mechanism"`: {endpoint: "file:///token", "sasl.mechanism": "hidden"},
		"do not count for a token in a fil": {endpoint: "file:///token", "clientSecret": "hidden"},
		"must not be named auth":            {endpoint: "file:///token", "extension_auth": "hidden"},
	} {
		_, err := oauth.FromProperties(p)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "hidden")
	}
}
