package oauth_test

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth/oauth"
	"github.com/eventferry/eventferry/settings"
)

// Confluent Cloud wants to know the cluster and the identity pool beside the token.
func ExampleBearer() {
	a := &oauth.Bearer{
		Tokens: &oauth.ClientCredentials{
			TokenEndpointURL: "https://login.example.com/oauth2/token",
			ClientID:         "eventferry",
			ClientSecret:     settings.NewSecret("correct horse"),
			Scope:            "kafka",
		},
		Extensions: map[string]string{"logicalCluster": "lkc-1", "identityPoolId": "pool-1"},
	}
	cfg := sarama.NewConfig()
	cfg.Net.TLS.Enable = true
	if err := a.Apply(cfg); err != nil { // as forwarder.WithAuthenticator(a) does
		fmt.Println(err)
		return
	}
	fmt.Println(cfg.Net.SASL.Mechanism)
	// Output: OAUTHBEARER
}

// Kubernetes renews the token of a service account in a file that it mounts.
func ExampleFile() {
	a := &oauth.Bearer{Tokens: oauth.File{Path: "/var/run/secrets/tokens/kafka"}}
	fmt.Println(a.Apply(sarama.NewConfig()))
	// Output: oauth: OAUTHBEARER: refused without TLS: set Net.TLS first
}

// Any function can provide tokens, such as one of a cloud's own library.
func ExampleTokenFunc() {
	a := &oauth.Bearer{Tokens: oauth.TokenFunc(func(ctx context.Context) (settings.Secret, error) {
		return settings.NewSecret("issued"), ctx.Err()
	})}
	token, err := a.Tokens.Token(context.Background())
	fmt.Println(token, err)
	// Output: [redacted] <nil>
}

// What a Java client has in its configuration keeps its names.
func ExampleFromProperties() {
	a, err := oauth.FromProperties(map[string]string{
		"sasl.oauthbearer.token.endpoint.url": "https://login.example.com/oauth2/token",
		"clientId":                            "eventferry",
		"clientSecret":                        "correct horse",
		"scope":                               "kafka",
		"extension_logicalCluster":            "lkc-1",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Extensions)
	// Output: map[logicalCluster:lkc-1]
}
