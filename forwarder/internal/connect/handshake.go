package connect

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"
)

// explainHandshake explains why TLS with server failed, and what to do.
// oldest is the oldest version of TLS that was offered.
func explainHandshake(server string, oldest uint16, asked *certRequest, err error) error {
	if verify, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return explainCertificate(server, asked, verify)
	}
	foreign, plaintext := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case plaintext && bytes.HasPrefix(foreign.RecordHeader[:], []byte("HTTP")):
		return refusef("%s is an HTTP server without TLS and no Kafka broker: check the port in bootstrap_servers: %w", server, err)
	case plaintext:
		return refusef("%s answers in plaintext: eventferry has no plaintext mode, "+
			"use the broker's SSL or SASL_SSL listener, or check the port if it is no Kafka broker: %w", server, err)
	case isHangUp(err):
		return &classedError{classHungUp, advisef("%s closed the connection during the TLS handshake: plaintext listener? "+
			"eventferry has no plaintext mode, use the broker's SSL or SASL_SSL listener: %w", server, err)}
	case strings.Contains(err.Error(), "server selected unsupported protocol version"), alertOf(err) == "protocol version not supported":
		return explainVersion(server, oldest, asked, err)
	case alertOf(err) != "":
		return explainAlert(server, asked, err)
	case isNetwork(err):
		return fmt.Errorf("%s: %w", server, err)
	default:
		return refusef("TLS handshake with %s: %w", server, err)
	}
}

func explainVersion(server string, oldest uint16, asked *certRequest, err error) error {
	if oldest >= tls.VersionTLS13 {
		return refusef("%s offers no TLS 1.3, the oldest version to accept here: "+
			"add TLSv1.3 to the broker's ssl.enabled.protocols, or leave %s at 1.2: %w", server, asked.setting("min_version"), err)
	}
	return refusef("%s offers no TLS 1.2 or newer: add TLSv1.2 or TLSv1.3 to the broker's ssl.enabled.protocols: %w", server, err)
}

// explainCertificate names what is wrong with the broker's certificate.
func explainCertificate(server string, asked *certRequest, err *tls.CertificateVerificationError) error {
	_, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	host, isForOther := errors.AsType[x509.HostnameError](err)
	expired := isInvalid && invalid.Reason == x509.Expired // or not valid yet
	cert := err.UnverifiedCertificates[0]
	switch {
	case unknownAuthority:
		return refusef("certificate of %s is signed by an authority that is not trusted (%s): "+
			"set %s to the CA that issued it: %w", server, quote(cert.Issuer.String()), asked.setting("ca_file"), err)
	case expired && time.Now().Before(cert.NotBefore):
		return refusef("certificate of %s is not valid before %s: check the clocks, or renew it: %w",
			server, cert.NotBefore.UTC().Format(time.DateTime), err)
	case expired && time.Now().After(cert.NotAfter):
		return refusef("certificate of %s expired on %s: renew it: %w",
			server, cert.NotAfter.UTC().Format(time.DateTime), err)
	case expired: // not by its own dates
		return refusef("certificate of %s was issued by a CA that has expired or is not valid yet: renew it: %w", server, err)
	case isInvalid && invalid.Reason == x509.IncompatibleUsage:
		return refusef("certificate of %s is not meant for a server: issue it with the extended key usage serverAuth: %w", server, err)
	case isForOther && len(names(cert)) == 0:
		return refusef("certificate of %s has no SAN, CN is not enough: issue it again with a SAN for %s: %w", server, quote(host.Host), err)
	case isForOther && slices.Contains(cert.DNSNames, host.Host) && net.ParseIP(host.Host) != nil:
		return refusef("certificate of %s has %s as a name, needs it as an IP address: issue it again with the SAN IP:%s: %w",
			server, quote(host.Host), host.Host, err)
	case isForOther:
		return refusef("certificate of %s is for %s, not for %s: use a name it has, in bootstrap_servers and the brokers' "+
			"advertised.listeners, or set %s: %w", server, few(names(cert)), quote(host.Host), asked.setting("server_name"), err)
	default:
		return refusef("certificate of %s: %w", server, err)
	}
}

// explainAlert says what to do about the alert by which a broker ended the
// handshake, or the connection right after it.
func explainAlert(server string, asked *certRequest, err error) error {
	switch {
	case asked.made && asked.sent == nil && len(asked.have) > 0:
		return refusef("%s wants a client certificate of an authority that ours (%s) is not from: "+
			"set %s to one that the broker's trust store knows: %w",
			server, subject(&asked.have[0]), asked.setting("cert_file"), err)
	case asked.made && asked.sent == nil:
		return refusef("%s wants a client certificate: set %s: %w", server, asked.clientCertificate(), err)
	case asked.made:
		return refusef("%s refused the client certificate (%s)%s: check its validity, and that "+
			"the broker's trust store has its CA: %w", server, subject(asked.sent), namedFile(asked.files.CertFile), err)
	case alertOf(err) == "handshake failure":
		return refusef("%s has no cipher suite in common: check the broker's ssl.cipher.suites and ssl.enabled.protocols: %w", server, err)
	case alertOf(err) == "unrecognized name":
		return refusef("%s knows no server of this name: check bootstrap_servers and %s: %w", server, asked.setting("server_name"), err)
	default:
		return refusef("%s ended the TLS handshake: %w", server, err)
	}
}

// alertOf returns the text of the alert that the other side sent, if any.
func alertOf(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" { // so crypto/tls marks an alert that it received
		return ""
	}
	return strings.TrimPrefix(op.Err.Error(), "tls: ")
}

// isNetwork reports whether err is of the connection, not of TLS on it, for which
// crypto/tls uses the same type.
func isNetwork(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op != "remote error" && op.Op != "local error"
}

// isHangUp reports whether the other side closed the connection.
func isHangUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// names lists, quoted, the names that a certificate is valid for. Its CN does not
// count.
func names(c *x509.Certificate) []string {
	var list []string
	for _, name := range c.DNSNames {
		list = append(list, quote(name))
	}
	for _, ip := range c.IPAddresses {
		list = append(list, quote(ip.String()))
	}
	return list
}

func subject(c *tls.Certificate) string {
	leaf := c.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return "not readable"
		}
	}
	return quote(leaf.Subject.String())
}
