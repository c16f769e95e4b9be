package auth_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

func ExampleSCRAM() {
	cfg := sarama.NewConfig()
	cfg.Net.TLS.Enable = true

	a := &auth.SCRAM{UserName: "mparticle", Password: settings.NewSecret("correct horse")}
	if err := a.Apply(cfg); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cfg.Net.SASL.Mechanism, cfg.Net.SASL.User, cfg.Net.SASL.Password)
	// Output: SCRAM-SHA-512 mparticle [redacted]
}

// PLAIN has to send the password, so it insists on TLS.
func ExamplePlain() {
	a := auth.Plain{UserName: "mparticle", Password: settings.NewSecret("correct horse")}
	fmt.Println(a.Apply(sarama.NewConfig()))
	// Output: auth: PLAIN: refused without TLS: set Net.TLS first
}

// A password that is changed while the program runs takes effect at the next
// connection.
func ExampleCredentials() {
	var current atomic.Pointer[settings.Secret] // changed by the code that watches the vault
	first := settings.NewSecret("correct horse")
	current.Store(&first)

	a := &auth.SCRAM{Credentials: func(context.Context) (string, settings.Secret, error) {
		return "mparticle", *current.Load(), nil
	}}
	cfg := sarama.NewConfig()
	cfg.Net.TLS.Enable = true
	fmt.Println(a.Apply(cfg), cfg.Net.SASL.User)
	// Output: <nil> [asked at each connection]
}

// token is a stand-in for a client of an identity provider. A real one keeps
// its token until shortly before it expires.
type token string

func (t token) Token() (*sarama.AccessToken, error) {
	return &sarama.AccessToken{Token: string(t)}, nil
}

// A mechanism that this package lacks is a function that sets Net.SASL. That is
// all it takes, for the forwarder too: it takes nothing else over.
func ExampleAuthenticatorFunc() {
	bearer := func(tokens sarama.AccessTokenProvider) auth.AuthenticatorFunc {
		return func(cfg *sarama.Config) error {
			s := &cfg.Net.SASL
			s.Enable, s.Handshake, s.Version = true, true, sarama.SASLHandshakeV1
			s.Mechanism = sarama.SASLTypeOAuth
			s.TokenProvider = tokens
			return nil
		}
	}
	var a auth.Authenticator = bearer(token("opaque"))

	cfg := sarama.NewConfig()
	cfg.Net.TLS.Enable = true
	if err := a.Apply(cfg); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cfg.Net.SASL.Mechanism, cfg.Validate())
	// Output: OAUTHBEARER <nil>
}
