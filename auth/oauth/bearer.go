package oauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/settings"
)

// A TokenSource provides tokens. It must be safe for concurrent use.
type TokenSource interface {
	// Token returns a token that is valid now, as it goes to the broker. It should
	// return when ctx ends, 30 seconds after the call. On an error the connection
	// fails, and is tried again as after any other failure. The error is logged, so
	// it must hold no secret.
	Token(ctx context.Context) (settings.Secret, error)
}

// A TokenFunc is a function used as a [TokenSource].
type TokenFunc func(ctx context.Context) (settings.Secret, error)

// Token calls f.
func (f TokenFunc) Token(ctx context.Context) (settings.Secret, error) { return f(ctx) }

// A Bearer authenticates with OAUTHBEARER. It is an auth.Authenticator, for
// forwarder.WithAuthenticator. It may be applied any number of times, and must not be
// changed meanwhile.
type Bearer struct {
	// Tokens is asked at each connection and each re-authentication. Required.
	Tokens TokenSource

	// Extensions go to the broker with each token (RFC 7628, KIP-342). Confluent
	// Cloud wants logicalCluster and identityPoolId. Names are letters, other than
	// auth; values are printable ASCII. Default: none.
	Extensions map[string]string
}

// tokenTimeout is how long a source may take for a token. Sarama gives it no context.
const tokenTimeout = 30 * time.Second

var (
	errNoSource = errors.New("oauth: Bearer.Tokens is not set")
	errNoTLS    = errors.New("oauth: OAUTHBEARER: refused without TLS: set Net.TLS first")
	errNoToken  = errors.New("oauth: the token is empty")
	errBadToken = errors.New("oauth: the token has characters that no bearer token has (RFC 6750, section 2.1)")
)

// Apply sets all of Net.SASL. It refuses a configuration without TLS, a Bearer without
// Tokens, and extensions that OAUTHBEARER has no way to carry. It asks for no token.
func (b *Bearer) Apply(cfg *sarama.Config) error {
	if b.Tokens == nil {
		return errNoSource
	}
	if !cfg.Net.TLS.Enable {
		return errNoTLS
	}
	if err := checkExtensions(b.Extensions); err != nil {
		return err
	}
	s := &cfg.Net.SASL
	s.Enable, s.Handshake, s.Version = true, true, sarama.SASLHandshakeV1
	s.Mechanism = sarama.SASLTypeOAuth
	s.AuthIdentity, s.User, s.Password, s.SCRAMAuthzID = "", "", "", ""
	s.SCRAMClientGeneratorFunc = nil
	s.GSSAPI = sarama.GSSAPIConfig{}
	s.TokenProvider = provider{tokens: b.Tokens, extensions: maps.Clone(b.Extensions)}
	return nil
}

// A provider is what Sarama asks for tokens.
type provider struct {
	tokens     TokenSource
	extensions map[string]string
}

// bearerToken is b64token of RFC 6750.
var bearerToken = regexp.MustCompile(`^[A-Za-z0-9\-._~+/]+=*$`)

// Token implements [sarama.AccessTokenProvider].
func (p provider) Token() (*sarama.AccessToken, error) {
	ctx, cancel := context.WithTimeout(context.Background(), tokenTimeout)
	defer cancel()
	token, err := p.tokens.Token(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("oauth: asking for a token: %w", err)
	case !token.IsSet():
		return nil, errNoToken
	case !bearerToken.MatchString(token.Reveal()):
		return nil, errBadToken
	}
	return &sarama.AccessToken{Token: token.Reveal(), Extensions: maps.Clone(p.extensions)}, nil
}

var (
	extensionName  = regexp.MustCompile(`^[A-Za-z]+$`)
	extensionValue = regexp.MustCompile(`^[ -~\t\r\n]*$`)
)

// checkExtensions applies the grammar of RFC 7628, section 3.1, as Kafka does.
func checkExtensions(extensions map[string]string) error {
	for name, value := range extensions {
		switch {
		case name == "auth":
			return errors.New("oauth: an extension must not be named auth, which is the token's name")
		case !extensionName.MatchString(name):
			return fmt.Errorf("oauth: extension %q: its name must be letters", name)
		case !extensionValue.MatchString(value):
			return fmt.Errorf("oauth: extension %q: its value must be printable ASCII", name)
		}
	}
	return nil
}
