package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eventferry/eventferry/settings"
)

// patience is how long a Credentials function may take, see the package comment.
const patience = 30 * time.Second

// An account is who to authenticate as, or whom to ask for it.
type account struct {
	mechanism mechanism
	userName  string
	password  settings.Secret
	ask       Credentials
}

// check finds mistakes that show without asking.
func (a account) check() error {
	if a.ask == nil {
		return a.login().check(a.mechanism)
	}
	if a.userName != "" || a.password.IsSet() {
		return fmt.Errorf("auth: %s: both Credentials and UserName or Password are set: choose one", a.mechanism)
	}
	return nil
}

func (a account) login() login { return login{a.userName, a.password} }

// resolve asks, if there is somebody to ask, and blocks meanwhile.
func (a account) resolve() (login, error) {
	if err := a.check(); err != nil {
		return login{}, err
	}
	if a.ask == nil {
		return a.login(), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	userName, password, err := a.ask(ctx)
	if err != nil {
		return login{}, fmt.Errorf("auth: %s: asking for credentials: %w", a.mechanism, err)
	}
	l := login{userName, password}
	return l, l.check(a.mechanism)
}

// A login is what proves one user.
type login struct {
	userName string
	password settings.Secret
}

// check refuses what no mechanism can carry. RFC 4616 separates by NUL, RFC
// 5802 excludes it, and both want UTF-8.
func (l login) check(m mechanism) error {
	for _, part := range []struct{ name, value string }{
		{"user name", l.userName},
		{"password", l.password.Reveal()},
	} {
		if err := checkText(part.value); err != nil {
			return fmt.Errorf("auth: %s: %s %w", m, part.name, err)
		}
	}
	return nil
}

func checkText(s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case strings.ContainsRune(s, 0):
		return errors.New("contains a NUL byte")
	case !utf8.ValidString(s):
		return errors.New("is not valid UTF-8")
	}
	return nil
}
