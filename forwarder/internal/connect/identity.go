package connect

import "github.com/IBM/sarama"

// An identity is the user that a connection authenticates as. The zero value
// stands for TLS without SASL and without a client certificate.
type identity struct {
	user        string
	mechanism   string
	certificate string // subject, where there is no SASL

	// option is the option that replaces user name and password of the settings,
	// "" if there is none. WithAuthenticator replaces the method, too.
	option string

	passwordFile  string // "": the password is not from a file
	passwordShape string // what may be wrong with the password to look at; "": nothing
}

const (
	optionAuthenticator = "WithAuthenticator"
	optionCredentials   = "WithCredentials"
)

func (i identity) sasl() bool { return i.mechanism != "" }

// String returns the identity as errors name it.
func (i identity) String() string {
	switch {
	case i.sasl() && i.user == "":
		return "a client"
	case i.sasl():
		return "user " + quote(i.user)
	case i.certificate != "":
		return "client certificate " + i.certificate
	default:
		return "a client without user name"
	}
}

// identityOf returns the identity that cfg gives a connection.
func (p *Probe) identityOf(cfg *sarama.Config) identity {
	sasl := &cfg.Net.SASL
	if !sasl.Enable {
		if certs := p.dialer.clientCertificates(); len(certs) > 0 {
			return identity{certificate: subject(&certs[0]), option: p.option}
		}
		return identity{option: p.option}
	}
	user := sasl.User
	if asked := p.user(); asked != "" {
		user = asked
	}
	return identity{
		user: user, mechanism: string(sasl.Mechanism), option: p.option,
		passwordFile: p.passwordFile, passwordShape: passwordShape(p.password()),
	}
}
