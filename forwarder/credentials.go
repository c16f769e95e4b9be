package forwarder

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

// WithAuthenticator replaces the mechanism, user name and password of the
// settings. Of what it does to the configuration only Net.SASL is kept. It is
// applied at each probe and whenever a producer is built; an error of it is one
// of [New] and [Forwarder.Ping].
func WithAuthenticator(a auth.Authenticator) Option {
	return optionFunc(func(o *options) { o.authenticator, o.credentials = a, nil })
}

// WithCredentials asks c for user name and password, in place of those in the
// settings; the mechanism is still authentication_method. SCRAM asks at each
// connection. PLAIN asks at each probe, and when the producer is built: until
// the next [New], its connections use what c returned then.
func WithCredentials(c auth.Credentials) Option {
	return optionFunc(func(o *options) { o.credentials, o.authenticator = c, nil })
}

// authenticator returns what o asks for, or else s; nil stands for TLS without
// SASL. user tells who was authenticated last where Sarama's configuration does
// not.
func authenticator(s settings.Settings, o options) (a auth.Authenticator, user func() string, err error) {
	nobody := func() string { return "" }
	switch {
	case o.authenticator != nil:
		return o.authenticator, nobody, nil
	case o.credentials != nil:
		last := &lastUser{ask: o.credentials}
		return mechanism(s.AuthenticationMethod, account{credentials: last.credentials}), last.name, nil
	case s.UserName == "":
		return nil, nobody, nil
	}
	password, err := s.ReadPassword()
	if err != nil {
		return nil, nil, err
	}
	return mechanism(s.AuthenticationMethod, account{userName: s.UserName, password: password}), nobody, nil
}

// An account is either a user name and a password, or whom to ask for them.
type account struct {
	userName    string
	password    settings.Secret
	credentials auth.Credentials
}

func mechanism(m settings.Method, a account) auth.Authenticator {
	switch m {
	case settings.SCRAMSHA256:
		return &auth.SCRAM{Hash: auth.SHA256, UserName: a.userName, Password: a.password, Credentials: a.credentials}
	case settings.SCRAMSHA512:
		return &auth.SCRAM{Hash: auth.SHA512, UserName: a.userName, Password: a.password, Credentials: a.credentials}
	default:
		return auth.Plain{UserName: a.userName, Password: a.password, Credentials: a.credentials}
	}
}

// lastUser remembers the user name that credentials came with, for errors.
type lastUser struct {
	ask  auth.Credentials
	last atomic.Pointer[string]
}

func (l *lastUser) credentials(ctx context.Context) (string, settings.Secret, error) {
	userName, password, err := l.ask(ctx)
	if err == nil {
		l.last.Store(&userName)
	}
	return userName, password, err
}

func (l *lastUser) name() string {
	if name := l.last.Load(); name != nil {
		return *name
	}
	return ""
}

// authenticate lets a change Net.SASL of cfg and nothing else. a finds TLS on,
// which it is: cfg's dialer sees to that.
func authenticate(cfg *sarama.Config, a auth.Authenticator) error {
	if a == nil {
		return nil
	}
	scratch := sarama.NewConfig()
	scratch.ClientID, scratch.Version = cfg.ClientID, cfg.Version
	scratch.Net.TLS.Enable = true
	if err := a.Apply(scratch); err != nil {
		return fmt.Errorf("authenticating: %w", err)
	}
	cfg.Net.SASL = scratch.Net.SASL
	return nil
}
