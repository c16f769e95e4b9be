// Package oauth authenticates to Kafka with SASL's OAUTHBEARER (RFC 7628, KIP-255):
// with a token of an identity provider instead of a password. It is a module of its
// own, so that only those who use it get golang.org/x/oauth2.
//
//	a := &oauth.Bearer{Tokens: &oauth.ClientCredentials{
//		TokenEndpointURL: "https://login.example.com/oauth2/token",
//		ClientID:         "eventferry",
//		ClientSecret:     settings.NewSecret(os.Getenv("CLIENT_SECRET")),
//	}}
//	f, err := forwarder.New(ctx, s, forwarder.WithAuthenticator(a))
//
// # Where tokens come from
//
// [ClientCredentials] asks an identity provider for them (RFC 6749, section 4.4),
// [File] reads one that something else renews, such as the token of a Kubernetes
// service account, and a [TokenFunc] is any function. [FromProperties] makes one of
// the properties of a Java client, by the names of KIP-768.
//
// A token is asked for at each new connection, and when Sarama authenticates again on
// an open one because the broker limits sessions (KIP-368), which brokers do at the
// token's end at the latest. ClientCredentials gives the same token until a fifth of
// its life is left.
//
// # Secrets
//
// A token is a password for as long as it lives. Bearer refuses a configuration
// without TLS, and a token endpoint without https. No error of this package holds a
// token, a secret, or a text of the identity provider's other than the error codes of
// RFC 6749.
package oauth
