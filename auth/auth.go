package auth

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/settings"
)

// An Authenticator sets up how a client proves who it is.
type Authenticator interface {
	// Apply sets all of Net.SASL that the mechanism needs and leaves everything
	// else as it is. It may be called any number of times, also at the same time
	// with different configurations. After an error cfg must not be used.
	Apply(cfg *sarama.Config) error
}

// An AuthenticatorFunc is a function used as an [Authenticator]. It must refuse
// a configuration without TLS itself, if it would send anything secret.
type AuthenticatorFunc func(cfg *sarama.Config) error

// Apply calls f.
func (f AuthenticatorFunc) Apply(cfg *sarama.Config) error { return f(cfg) }

// A Credentials function returns the user name and password to authenticate
// with, for programs that do not keep a password or that change it while
// running. It must be safe for concurrent use and should return when ctx ends,
// 30 seconds after the call. The package comment says when it is called. On an
// error the connection fails and is tried again as after any other failure.
type Credentials func(ctx context.Context) (userName string, password settings.Secret, err error)

// enable sets all of Net.SASL, so that nothing of an earlier mechanism remains.
// Version 1 of the handshake wraps the exchange in Kafka requests; only then
// does the broker answer why it refuses.
func enable(cfg *sarama.Config, m sarama.SASLMechanism, userName, password string) error {
	if !cfg.Net.TLS.Enable {
		return fmt.Errorf("auth: %s: refused without TLS: set Net.TLS first", m)
	}
	s := &cfg.Net.SASL
	s.Enable = true
	s.Mechanism = m
	s.Version = sarama.SASLHandshakeV1
	s.Handshake = true
	s.AuthIdentity = ""
	s.User, s.Password = userName, password
	s.SCRAMAuthzID = ""
	s.SCRAMClientGeneratorFunc = nil
	s.TokenProvider = nil
	s.GSSAPI = sarama.GSSAPIConfig{}
	return nil
}
