package connect

import (
	"errors"
	"fmt"
	"net"

	"github.com/IBM/sarama"
)

// explainFailure explains an error after the TLS handshake: which server failed,
// for which user, in what, and what to do.
func explainFailure(server string, who identity, at phase, l *sniffedConn, certs *certRequest, err error) error {
	err = withoutForeignText(err)
	if foreign := l.foreign(); foreign != nil && isHangUp(err) { // after Sarama has ignored the answer
		err = foreign
	}
	_, network := errors.AsType[net.Error](err)
	if own, ok := errors.AsType[*classedError](err); ok && own.class == classNoCredentials {
		return refusef("authenticating: %w", own)
	}
	switch {
	case alertOf(err) != "":
		return explainAlert(server, certs, err)
	case errors.Is(err, errNotKafka):
		return refusef("%s is no Kafka broker: check the port in bootstrap_servers: %w", server, err)
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		return refusef("%s does not offer %s to %s, it offers %s: set %s to what it offers, "+
			"or add the mechanism to the broker's sasl.enabled.mechanisms: %w",
			server, who.mechanism, who, offered(l.mechanisms()), who.methodSetting(), err)
	case errors.Is(err, sarama.ErrIllegalSASLState):
		return refusef("%s does not authenticate users, but %s is set: use the broker's SASL_SSL listener, "+
			"or leave %s: %w", server, who.source(), who.userSetting(), err)
	case at == authenticating && l.apiVersions().beforeSASLAuthenticate():
		return refusef("%s is older than Kafka 1.0 and cannot authenticate users in Kafka's protocol: "+
			"needs Kafka 1.0 or newer: %w", server, err)
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed):
		return explainLogin(server, who, l, err)
	case isHangUp(err):
		return &classedError{classHungUp, explainHangUp(server, who, at, certs, err)}
	case (at == authenticating || at == greeting && who.sasl()) && !network:
		return refusef("%s: authenticating %s: %w", server, who, err)
	default:
		return fmt.Errorf("%s: %w", server, err)
	}
}

func offered(mechanisms []string) string {
	mechanisms = mechanismNames(mechanisms)
	if len(mechanisms) == 0 {
		return "others"
	}
	return quote(few(mechanisms))
}

// explainLogin distinguishes a broker that refuses our proof from an
// authenticator that refuses the broker's.
func explainLogin(server string, who identity, l *sniffedConn, err error) error {
	if err != error(sarama.ErrSASLAuthenticationFailed) && !isA[*answerError](err) { //nolint:errorlint // wrapped it is the authenticator's
		return refusef("%s answered wrongly while authenticating %s with %s: check that it is the broker you mean: %w",
			server, who, who.mechanism, err)
	}
	hint := who.loginHint() + who.otherMethods(l.offered())
	if who.mechanism == sarama.SASLTypeOAuth && l.lacksScope() {
		hint = "the token lacks the scope that the broker's jaas configuration requires: have the identity provider add it"
	}
	return refusef("%s refused %s with %s: %s: %w", server, who, who.mechanism, hint, err)
}

// explainHangUp says what a closed connection can mean.
func explainHangUp(server string, who identity, at phase, certs *certRequest, err error) error {
	switch {
	case certs.made && certs.sent == nil:
		return advisef("%s closed the connection after the TLS handshake, without a client certificate: "+
			"set %s: %w", server, certs.clientCertificate(), err)
	case at == greeting:
		return advisef("%s closed the connection at the first request, and answered nothing: check that bootstrap_servers "+
			"and advertised.listeners name Kafka brokers of 0.10 or newer, and that a proxy in between reaches them: %w", server, err)
	case at == authenticating:
		return advisef("%s closed the connection while authenticating %s with %s: "+
			"%s, mechanism not enabled, or no %s in the broker's jaas configuration: %w",
			server, who, who.mechanism, who.wrongCredentials(), who.loginModule(), err)
	case at == asking && !who.sasl():
		return advisef("%s closed the connection at the first request: SASL_SSL listener? "+
			"%s, or use the broker's SSL listener: %w", server, who.toAuthenticate(), err)
	case at == askingForID:
		return advisef("%s closed the connection when asked for a producer id: needs Kafka 0.11 or newer: %w", server, err)
	default:
		return advisef("%s closed the connection when asked for the topic: %w", server, err)
	}
}
