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

// A Func is an [Authenticator] that is a function. It must itself see to it
// that nothing secret is sent without TLS.
type Func func(cfg *sarama.Config) error

// Apply calls f.
func (f Func) Apply(cfg *sarama.Config) error { return f(cfg) }

// Credentials returns who to authenticate as, for programs that do not want to
// keep a password or that change it while running. It must be safe for
// concurrent use and should return when ctx ends, 30 seconds after the call.
// The package comment says when it is asked. On an error the connection fails,
// and whoever wanted it tries again as after any other failed connection.
type Credentials func(ctx context.Context) (userName string, password settings.Secret, err error)

// mechanism is what Sarama calls it, for errors too.
type mechanism = sarama.SASLMechanism

// enable sets all of Net.SASL, so that nothing of an earlier mechanism remains.
// Version 1 of the handshake wraps the exchange in Kafka requests, which is what
// makes the broker say why it refuses.
func enable(cfg *sarama.Config, m mechanism, userName, password string) error {
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
