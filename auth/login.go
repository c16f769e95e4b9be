package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/settings"
)

// askTimeout is how long a Credentials function may take.
const askTimeout = 30 * time.Second

// A loginSource has the login of a mechanism, or the function that returns it.
type loginSource struct {
	mechanism sarama.SASLMechanism
	fixed     login
	ask       Credentials // nil: fixed counts
}

// check finds mistakes without calling ask.
func (s loginSource) check() error {
	if s.ask == nil {
		return s.fixed.check(s.mechanism)
	}
	if s.fixed.userName != "" || s.fixed.password.IsSet() {
		return fmt.Errorf("auth: %s: both Credentials and UserName or Password are set: choose one", s.mechanism)
	}
	return nil
}

// resolve returns the login to use now. It blocks while ask runs.
func (s loginSource) resolve() (login, error) {
	if err := s.check(); err != nil {
		return login{}, err
	}
	if s.ask == nil {
		return s.fixed, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	userName, password, err := s.ask(ctx)
	if err != nil {
		return login{}, fmt.Errorf("auth: %s: asking for credentials: %w", s.mechanism, err)
	}
	l := login{userName, password}
	return l, l.check(s.mechanism)
}

// A login is a user name and the password that proves it.
type login struct {
	userName string
	password settings.Secret
}

// check refuses text that the mechanism cannot carry. RFC 4616 separates by NUL,
// RFC 5802 excludes it, and both require UTF-8. Kafka matches SCRAM's user name
// against a pattern of ASCII characters (SASLNAME in its ScramMessages), and
// answers to any other as to a wrong password.
func (l login) check(m sarama.SASLMechanism) error {
	for _, part := range []struct{ name, value string }{
		{"user name", l.userName},
		{"password", l.password.Reveal()},
	} {
		if err := checkText(part.value); err != nil {
			return fmt.Errorf("auth: %s: %s %w", m, part.name, err)
		}
	}
	if m != sarama.SASLTypePlaintext && !isASCII(l.userName) {
		return fmt.Errorf("auth: %s: user name has characters beyond ASCII, which Kafka accepts for PLAIN only", m)
	}
	return nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
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
