package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/eventferry/eventferry/settings"
)

// ClientCredentials is a [TokenSource] that asks an identity provider for tokens with
// an id and a secret of its own (RFC 6749, section 4.4). It keeps a token until a
// fifth of its life is left. Make one for each client, use it as a pointer, and do not
// change it once it is used.
type ClientCredentials struct {
	// TokenEndpointURL is the provider's endpoint for tokens, an https URL (KIP-768's
	// sasl.oauthbearer.token.endpoint.url). Required.
	TokenEndpointURL string

	// ClientID and ClientSecret prove who asks (KIP-768's clientId and clientSecret).
	// Required, save for a secret where Secret is set.
	ClientID     string
	ClientSecret settings.Secret

	// Secret returns the secret each time a token is asked for, in place of
	// ClientSecret: for secrets that change. It must hold no secret in its error.
	Secret func(ctx context.Context) (settings.Secret, error)

	// Scope is what the token is to be good for, several separated by spaces
	// (KIP-768's scope). Default: what the provider gives.
	Scope string

	// Parameters are further parameters of the request, such as audience or
	// resource, where a provider wants them. Default: none.
	Parameters url.Values

	// HTTPClient asks the provider, for one with a CA of its own or behind a proxy.
	// Redirects are not followed, since they would carry the secret elsewhere.
	// Default: a client with the system's authorities.
	HTTPClient *http.Client

	mu   sync.Mutex
	held settings.Secret
	due  time.Time // when another is to be asked for
}

// Token returns the token that is held, or asks for one. Calls wait for each other, so
// that connections that are opened at once share a token. Its errors say what the
// provider answered, by the error codes of RFC 6749 and the status only.
func (c *ClientCredentials) Token(ctx context.Context) (settings.Secret, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held.IsSet() && time.Now().Before(c.due) {
		return c.held, nil
	}
	if err := c.check(); err != nil {
		return settings.Secret{}, err
	}
	secret := c.ClientSecret
	if c.Secret != nil {
		var err error
		if secret, err = c.Secret(ctx); err != nil {
			return settings.Secret{}, fmt.Errorf("oauth: asking for the client secret: %w", err)
		}
	}
	asked := time.Now()
	token, err := c.ask(ctx, secret)
	if err != nil {
		return settings.Secret{}, c.explain(err)
	}
	c.held, c.due = settings.NewSecret(token.AccessToken), time.Time{}
	if !token.Expiry.IsZero() {
		c.due = asked.Add(token.Expiry.Sub(asked) / 5 * 4)
	}
	return c.held, nil
}

func (c *ClientCredentials) ask(ctx context.Context, secret settings.Secret) (*oauth2.Token, error) {
	client := *cmp.Or(c.HTTPClient, http.DefaultClient)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	config := clientcredentials.Config{
		ClientID: c.ClientID, ClientSecret: secret.Reveal(), TokenURL: c.TokenEndpointURL,
		Scopes: strings.Fields(c.Scope), EndpointParams: c.Parameters,
		AuthStyle: oauth2.AuthStyleInHeader, // which RFC 6749 has every provider support
	}
	return config.Token(context.WithValue(ctx, oauth2.HTTPClient, &client))
}

// check finds what would send the secret in clear, or nowhere.
func (c *ClientCredentials) check() error {
	endpoint, err := url.Parse(c.TokenEndpointURL)
	switch {
	case err != nil || endpoint.Host == "":
		return errors.New("oauth: ClientCredentials.TokenEndpointURL (sasl.oauthbearer.token.endpoint.url) must be a URL such as https://login.example.com/token")
	case endpoint.User != nil:
		return errors.New("oauth: ClientCredentials.TokenEndpointURL must not hold a user: that is ClientID and ClientSecret")
	case endpoint.Scheme != "https":
		return errors.New("oauth: ClientCredentials.TokenEndpointURL must begin with https://: the secret and the token go there")
	case c.ClientID == "":
		return errors.New("oauth: ClientCredentials.ClientID (clientId) is required")
	case c.Secret == nil && !c.ClientSecret.IsSet():
		return errors.New("oauth: ClientCredentials.ClientSecret (clientSecret) is required")
	default:
		return nil
	}
}

// errorCode is how RFC 6749 spells error codes, of which providers have more.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// explain returns err without what the provider wrote: it may quote what it got.
func (c *ClientCredentials) explain(err error) error {
	answer, answered := errors.AsType[*oauth2.RetrieveError](err)
	if !answered {
		if network, ok := errors.AsType[*url.Error](err); ok {
			return fmt.Errorf("oauth: asking %s: %w", c.host(), network.Err)
		}
		return fmt.Errorf("oauth: %s answered without a token", c.host())
	}
	status := "no status"
	if answer.Response != nil {
		status = fmt.Sprintf("status %d", answer.Response.StatusCode)
	}
	code := ""
	if errorCode.MatchString(answer.ErrorCode) {
		code = ", " + answer.ErrorCode
	}
	return fmt.Errorf("oauth: %s gives no token (%s%s): check the client's id, secret and scope", c.host(), status, code)
}

// host names the provider in errors.
func (c *ClientCredentials) host() string {
	endpoint, err := url.Parse(c.TokenEndpointURL)
	if err != nil {
		return "the token endpoint"
	}
	return endpoint.Host
}
