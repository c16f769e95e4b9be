package forwarder

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// explainHandshake says why TLS with server failed, and what to do about it.
// oldest is the oldest version of TLS that was offered.
func explainHandshake(server string, oldest uint16, asked *certRequest, err error) error {
	var (
		verify *tls.CertificateVerificationError
		record tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &verify):
		return explainCertificate(server, verify)
	case errors.As(err, &record):
		return refusef("%s answers in plaintext: eventferry has no plaintext mode, "+
			"use the broker's SSL or SASL_SSL listener: %w", server, err)
	case isHangUp(err):
		return &hangUpError{fmt.Errorf("%s closed the connection during the TLS handshake: plaintext listener? "+
			"eventferry has no plaintext mode, use the broker's SSL or SASL_SSL listener: %w", server, err)}
	case strings.Contains(err.Error(), "server selected unsupported protocol version"), alertOf(err) == "protocol version not supported":
		return explainVersion(server, oldest, err)
	case alertOf(err) != "":
		return explainAlert(server, asked, err)
	case isNetwork(err):
		return fmt.Errorf("%s: %w", server, err)
	default:
		return refusef("TLS handshake with %s: %w", server, err)
	}
}

func explainVersion(server string, oldest uint16, err error) error {
	if oldest >= tls.VersionTLS13 {
		return refusef("%s offers no TLS 1.3, the oldest version to accept here: "+
			"add TLSv1.3 to the broker's ssl.enabled.protocols, or leave tls.min_version at 1.2: %w", server, err)
	}
	return refusef("%s offers no TLS 1.2 or newer: add TLSv1.2 or TLSv1.3 to the broker's ssl.enabled.protocols: %w", server, err)
}

// explainCertificate names what is wrong with the broker's certificate.
func explainCertificate(server string, err *tls.CertificateVerificationError) error {
	var (
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		host      x509.HostnameError
	)
	cert := err.UnverifiedCertificates[0]
	switch {
	case errors.As(err, &authority):
		return refusef("certificate of %s is signed by an authority that is not trusted (%s): "+
			"set tls.ca_file to the CA that issued it: %w", server, quote(cert.Issuer.String()), err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(cert.NotBefore):
		return refusef("certificate of %s is not valid before %s: check the clocks, or renew it: %w",
			server, cert.NotBefore.UTC().Format(time.DateTime), err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().After(cert.NotAfter):
		return refusef("certificate of %s expired on %s: renew it: %w",
			server, cert.NotAfter.UTC().Format(time.DateTime), err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired: // not its own
		return refusef("certificate of %s was issued by a CA that has expired or is not valid yet: renew it: %w", server, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return refusef("certificate of %s is not meant for a server: issue it with the extended key usage serverAuth: %w", server, err)
	case errors.As(err, &host) && len(names(cert)) == 0:
		return refusef("certificate of %s has no SAN, CN is not enough: issue it again with a SAN for %q: %w", server, host.Host, err)
	case errors.As(err, &host):
		return refusef("certificate of %s is for %s, not for %q: use a name it has, in bootstrap_servers and the brokers' "+
			"advertised.listeners, or set tls.server_name: %w", server, few(names(cert)), host.Host, err)
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
			"set tls.cert_file to one that the broker's trust store knows: %w", server, subject(&asked.have[0]), err)
	case asked.made && asked.sent == nil:
		return refusef("%s wants a client certificate: set tls.cert_file and tls.key_file: %w", server, err)
	case asked.made:
		return refusef("%s refused the client certificate (%s): check its validity, and that "+
			"the broker's trust store has its CA: %w", server, subject(asked.sent), err)
	case alertOf(err) == "handshake failure":
		return refusef("%s has no cipher suite in common: check the broker's ssl.cipher.suites and ssl.enabled.protocols: %w", server, err)
	case alertOf(err) == "unrecognized name":
		return refusef("%s knows no server of this name: check bootstrap_servers and tls.server_name: %w", server, err)
	default:
		return refusef("%s ended the TLS handshake: %w", server, err)
	}
}

// alertOf returns the text of the alert that the other side sent, if any.
func alertOf(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" { // what crypto/tls calls alerts received
		return ""
	}
	return strings.TrimPrefix(op.Err.Error(), "tls: ")
}

// isNetwork tells errors of the connection from those of TLS on it, for which
// crypto/tls uses the same type.
func isNetwork(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op != "remote error" && op.Op != "local error"
}

// isHangUp tells a connection that the other side closed.
func isHangUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// names lists what a certificate is for. Its CN does not count.
func names(c *x509.Certificate) []string {
	list := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		list = append(list, ip.String())
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
