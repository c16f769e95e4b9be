package forwarder

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/IBM/sarama"
)

// An identity is who a connection authenticates as. The zero value: nobody,
// TLS without SASL.
type identity struct {
	user        string
	mechanism   string
	certificate string // subject, where there is no SASL
}

func (i identity) sasl() bool { return i.mechanism != "" }

// String is how errors name it.
func (i identity) String() string {
	switch {
	case i.sasl():
		return "user " + quote(i.user)
	case i.certificate != "":
		return "client certificate " + i.certificate
	default:
		return "a client without user name"
	}
}

// explain says what failed once TLS was up: at which server, for whom, and what
// to do about it.
func explain(server string, who identity, at stage, l *link, certs *certRequest, err error) error {
	var network net.Error
	if own, ok := errors.AsType[*credentialsError](err); ok {
		return refusef("authenticating: %w", own)
	}
	switch {
	case alertOf(err) != "":
		return explainAlert(server, certs, err)
	case errors.Is(err, errNotKafka):
		return refusef("%s is no Kafka broker: check the port in bootstrap_servers: %w", server, err)
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		return refusef("%s does not offer %s to %s, it offers %s: set authentication_method to what it offers, "+
			"or add the mechanism to the broker's sasl.enabled.mechanisms: %w",
			server, who.mechanism, who, offered(l.mechanisms()), err)
	case errors.Is(err, sarama.ErrIllegalSASLState):
		return refusef("%s does not authenticate users, but %s is set: use the broker's SASL_SSL listener, "+
			"or leave user_name empty: %w", server, who, err)
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed):
		return explainLogin(server, who, err)
	case isHangUp(err):
		return &hangUpError{explainHangUp(server, who, at, certs, err)}
	case at == authenticating && !errors.As(err, &network):
		return refusef("%s: authenticating %s: %w", server, who, err)
	default:
		return fmt.Errorf("%s: %w", server, err)
	}
}

func offered(mechanisms []string) string {
	if len(mechanisms) == 0 {
		return "others"
	}
	return quote(strings.Join(mechanisms, ", "))
}

// explainLogin tells a broker that does not believe us from an authenticator
// that does not believe the broker.
func explainLogin(server string, who identity, err error) error {
	const code = sarama.ErrSASLAuthenticationFailed
	_, own := errors.AsType[sarama.KError](err)
	if own && errors.Unwrap(err) != nil { // Sarama's wrapper of a broker's answer hides the code from As
		return refusef("%s answered wrongly while authenticating %s with %s: check that it is the broker you mean: %w",
			server, who, who.mechanism, err)
	}
	said := ""
	if text := errors.Unwrap(err); text != nil {
		said = ": " + quote(text.Error())
	}
	hint := fmt.Sprintf("the user has no %s credential, which kafka-configs creates", who.mechanism)
	if who.mechanism == sarama.SASLTypePlaintext {
		hint = fmt.Sprintf("the broker's jaas configuration has no user_%s entry, which every broker needs", who.user)
	}
	return refusef("%s refused %s with %s: wrong password, or %s: %w%s", server, who, who.mechanism, hint, code, said)
}

// explainHangUp says what a closed connection can mean.
func explainHangUp(server string, who identity, at stage, certs *certRequest, err error) error {
	switch {
	case certs.made && certs.sent == nil:
		return fmt.Errorf("%s closed the connection after the TLS handshake, without a client certificate: "+
			"set tls.cert_file and tls.key_file: %w", server, err)
	case at == authenticating:
		return fmt.Errorf("%s closed the connection while authenticating %s with %s: "+
			"wrong user name or password, or mechanism not enabled: %w", server, who, who.mechanism, err)
	case !who.sasl():
		return fmt.Errorf("%s closed the connection at the first request: SASL_SSL listener? "+
			"set user_name and password, or use the broker's SSL listener: %w", server, err)
	default:
		return fmt.Errorf("%s closed the connection when asked for the topic: %w", server, err)
	}
}

// explainDelivery says what to do about a refusal of a message, for which
// delivery waits or has failed.
func (p *probe) explainDelivery(err error) error {
	cfg := p.latest.Load()
	if cfg == nil {
		return err
	}
	switch who := p.who(cfg); {
	case errors.Is(err, sarama.ErrTopicAuthorizationFailed):
		return refusef("the brokers do not let %s write to topic %s: grant it the operation WRITE: %w", who, quote(p.topic), err)
	case errors.Is(err, sarama.ErrClusterAuthorizationFailed):
		return refusef("the brokers do not let %s write idempotently: grant it the operation WRITE on topic %s, "+
			"and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster: %w", who, quote(p.topic), err)
	default:
		return err
	}
}
