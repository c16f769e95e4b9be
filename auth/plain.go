package auth

import (
	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/settings"
)

// Plain is SASL's PLAIN mechanism (RFC 4616): the password crosses the
// connection as it is, inside TLS.
type Plain struct {
	UserName string          // required, unless Credentials is set
	Password settings.Secret // required, unless Credentials is set

	// Credentials, if set, returns both at each Apply, which blocks meanwhile.
	// UserName and Password must be unset then.
	Credentials Credentials
}

var _ Authenticator = Plain{}

// Apply implements [Authenticator]. It returns an error if cfg has no TLS, or if
// user name or password is empty, contains a NUL byte or is not UTF-8.
func (p Plain) Apply(cfg *sarama.Config) error {
	const m = sarama.SASLTypePlaintext
	l, err := loginSource{m, login{p.UserName, p.Password}, p.Credentials}.resolve()
	if err != nil {
		return err
	}
	return enable(cfg, m, l.userName, l.password.Reveal())
}
