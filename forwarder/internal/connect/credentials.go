package connect

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

// An authentication is how connections authenticate.
type authentication struct {
	auth.Authenticator // nil: TLS without SASL

	user     func() string          // who was authenticated last; "": Sarama's configuration says it
	password func() settings.Secret // that of the settings, as it was used last; unset where an option replaces it
}

// authenticationFor returns the one that o asks for, or else s. A password in a file is read
// at each connection. Calls of the caller's function are counted.
func authenticationFor(s settings.Settings, o Options, calls *ownCalls) (authentication, error) {
	inConfig, fixed := func() string { return "" }, func() settings.Secret { return s.Password }
	none := func() settings.Secret { return settings.Secret{} }
	switch {
	case o.Authenticator != nil:
		return authentication{o.Authenticator, inConfig, none}, nil
	case o.Credentials != nil:
		last := &lastUser{ask: o.Credentials, calls: calls}
		return authentication{authenticatorFor(s.AuthenticationMethod, "", settings.Secret{}, last.credentials), last.name, none}, nil
	case s.UserName == "":
		return authentication{nil, inConfig, none}, nil
	case s.PasswordFile == "":
		return authentication{authenticatorFor(s.AuthenticationMethod, s.UserName, s.Password, nil), inConfig, fixed}, nil
	}
	file, err := newPasswordFile(s, o.logger())
	if err != nil {
		return authentication{}, err
	}
	ask := func(context.Context) (string, settings.Secret, error) { return s.UserName, file.current(), nil }
	name := func() string { return s.UserName }
	return authentication{authenticatorFor(s.AuthenticationMethod, "", settings.Secret{}, ask), name, file.latest}, nil
}

// replacing returns the option that replaces user name and password.
func (o Options) replacing() string {
	switch {
	case o.Authenticator != nil:
		return optionAuthenticator
	case o.Credentials != nil:
		return optionCredentials
	default:
		return ""
	}
}

// authenticatorFor takes either a user name and a password, or the function that
// returns them. No method falls back to another one: a password goes out in the clear
// only where PLAIN was asked for.
func authenticatorFor(m settings.Method, userName string, password settings.Secret, ask auth.Credentials) auth.Authenticator {
	switch m {
	case settings.SCRAMSHA256:
		return &auth.SCRAM{Hash: auth.SHA256, UserName: userName, Password: password, Credentials: ask}
	case settings.SCRAMSHA512:
		return &auth.SCRAM{Hash: auth.SHA512, UserName: userName, Password: password, Credentials: ask}
	case settings.Plain:
		return auth.Plain{UserName: userName, Password: password, Credentials: ask}
	default:
		return auth.AuthenticatorFunc(func(*sarama.Config) error {
			return fmt.Errorf("authentication_method %q has no authenticator", m)
		})
	}
}

// A lastUser remembers the user name that credentials last came with, for errors.
type lastUser struct {
	ask   auth.Credentials
	calls *ownCalls
	last  atomic.Pointer[string]
}

func (l *lastUser) credentials(ctx context.Context) (string, settings.Secret, error) {
	l.calls.credentials.Add(1)
	defer l.calls.credentials.Add(-1)
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
