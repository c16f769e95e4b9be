package forwarder

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

// WithAuthenticator replaces the mechanism, user name and password of the
// settings. Of what it does to the configuration only Net.SASL is kept. It is
// applied at each probe and for each connection of the producer, by several
// goroutines at once; an error of it is one of [New] and [Forwarder.Ping], and
// later the cause of a wait. With [WithSaramaProducer] its connections use what
// was applied when the producer was built. A nil authenticator is an error of
// New, also one that is a nil pointer or a nil function of some type.
func WithAuthenticator(a auth.Authenticator) Option {
	return optionFunc(func(o *options) { o.authenticator, o.credentials, o.nobody = a, nil, isNil(a) })
}

// WithCredentials asks c for user name and password, in place of those in the
// settings; the mechanism is still authentication_method. c is asked at each
// connection, by several goroutines at once. An error of c is one of [New] and [Forwarder.Ping], at once, and later
// the cause of a wait. With [WithSaramaProducer] and PLAIN, c is asked at each
// probe and when the producer is built: until the next New, its connections use
// what c returned then. A nil c is an error of New.
func WithCredentials(c auth.Credentials) Option {
	return optionFunc(func(o *options) { o.credentials, o.authenticator, o.nobody = c, nil, c == nil })
}

func isNil(a auth.Authenticator) bool {
	v := reflect.ValueOf(a)
	return !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}

// Nil could stand for the settings' own. If they have none, it would connect
// without any.
var errNobody = errors.New("forwarder: the authenticator, or the function that returns credentials, is nil")

// authenticator returns what o asks for, or else s; nil stands for TLS without
// SASL. user tells who was authenticated last where Sarama's configuration does
// not.
func authenticator(s settings.Settings, o options) (a auth.Authenticator, user func() string, err error) {
	nobody := func() string { return "" }
	switch {
	case o.nobody:
		return nil, nil, errNobody
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

// A credentialsError is what went wrong before anything of SCRAM was sent. The
// broker has no part in it.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// An asker is a SCRAM client that tells the time in which it may ask for
// credentials from that in which it waits for the broker, and its errors from
// the connection's.
type asker struct {
	sarama.SCRAMClient
	at *progress
}

// Begin implements [sarama.SCRAMClient].
func (a asker) Begin(userName, password, authzID string) error {
	a.at.set(preparing)
	defer a.at.set(authenticating)
	if err := a.SCRAMClient.Begin(userName, password, authzID); err != nil {
		return &credentialsError{err}
	}
	return nil
}
