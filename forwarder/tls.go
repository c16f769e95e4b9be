package forwarder

import (
	"crypto/tls"
	"errors"

	"github.com/eventferry/eventferry/settings"
)

// WithTLS makes connections with tc in place of the settings' tls section; New
// refuses to take both. tc is cloned. Everything in it is kept, its ServerName
// for all brokers and its callbacks included, but its MinVersion is raised to
// TLS 1.2, and New refuses InsecureSkipVerify and a MaxVersion below TLS 1.2:
// certificates are always verified, and nothing falls back. Nil leaves it to the
// settings.
func WithTLS(tc *tls.Config) Option {
	tc = tc.Clone()
	return optionFunc(func(o *options) { o.tls = tc })
}

var (
	errTwoTLS      = errors.New("forwarder: WithTLS replaces the tls settings: leave those empty, or set everything there")
	errUnverified  = errors.New("forwarder: WithTLS: InsecureSkipVerify is set, but certificates are always verified: set RootCAs to the CA of the brokers")
	errOutdatedTLS = errors.New("forwarder: WithTLS: MaxVersion is below TLS 1.2, which is the least that is used")
)

// tlsConfig is the configuration of every connection: the one of s, or own,
// which is a copy already.
func tlsConfig(s settings.TLS, own *tls.Config) (*tls.Config, error) {
	switch {
	case own == nil:
		return s.Config()
	case s != settings.TLS{}:
		return nil, errTwoTLS
	case own.InsecureSkipVerify:
		return nil, errUnverified
	case own.MaxVersion != 0 && own.MaxVersion < tls.VersionTLS12:
		return nil, errOutdatedTLS
	}
	own = own.Clone() // one option may be given to several forwarders
	own.MinVersion = max(own.MinVersion, tls.VersionTLS12)
	return own, nil
}

// A certRequest is what a broker said of client certificates, and what it got.
// The broker's verdict on it comes later: with TLS 1.3 after the handshake.
type certRequest struct {
	made bool
	sent *tls.Certificate  // nil: none to send, or none that the broker would take
	have []tls.Certificate // to choose from
}

// watch makes tc, which is a copy already, tell r. The choice of the
// certificate is the one that crypto/tls makes by itself.
func (r *certRequest) watch(tc *tls.Config) *tls.Config {
	own, certs := tc.GetClientCertificate, tc.Certificates
	r.have = certs
	tc.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		r.made = true
		if own != nil {
			c, err := own(info)
			if err == nil && c != nil && len(c.Certificate) > 0 {
				r.sent = c
			}
			return c, err
		}
		for i := range certs {
			if info.SupportsCertificate(&certs[i]) == nil {
				r.sent = &certs[i]
				return r.sent, nil
			}
		}
		return new(tls.Certificate), nil // none: the broker decides whether it needs one
	}
	return tc
}
