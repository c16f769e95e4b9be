package oauth

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/eventferry/eventferry/settings"
)

// The properties of KIP-768, and those of a JAAS entry of Kafka's own login module.
const (
	propertyEndpoint  = "sasl.oauthbearer.token.endpoint.url"
	propertyID        = "clientId"
	propertySecret    = "clientSecret" //nolint:gosec // a name
	propertyScope     = "scope"
	propertyExtension = "extension_"
)

// FromProperties makes a [Bearer] of what a Java client has in its configuration, by
// the names of KIP-768: sasl.oauthbearer.token.endpoint.url, and clientId,
// clientSecret, scope and extension_NAME, which stand in sasl.jaas.config there. An
// endpoint that begins with file:// names the file of a token, as in Java. It refuses
// other names, and reports all mistakes at once. No error holds a value.
func FromProperties(properties map[string]string) (*Bearer, error) {
	c := &ClientCredentials{}
	b := &Bearer{Tokens: c}
	var mistakes []error
	for name, value := range properties {
		extension, isExtension := strings.CutPrefix(name, propertyExtension)
		switch {
		case name == propertyEndpoint:
			c.TokenEndpointURL = value
		case name == propertyID:
			c.ClientID = value
		case name == propertySecret:
			c.ClientSecret = settings.NewSecret(value)
		case name == propertyScope:
			c.Scope = value
		case isExtension:
			if b.Extensions == nil {
				b.Extensions = map[string]string{}
			}
			b.Extensions[extension] = value
		default:
			mistakes = append(mistakes, fmt.Errorf("oauth: unknown property %q", name))
		}
	}
	mistakes = append(mistakes, checkExtensions(b.Extensions))
	if endpoint, err := url.Parse(c.TokenEndpointURL); err == nil && endpoint.Scheme == "file" {
		b.Tokens = File{Path: endpoint.Path}
		if c.ClientID != "" || c.ClientSecret.IsSet() || c.Scope != "" {
			mistakes = append(mistakes, errors.New("oauth: clientId, clientSecret and scope do not count for a token in a file"))
		}
	} else {
		mistakes = append(mistakes, c.check())
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return b, nil
}
