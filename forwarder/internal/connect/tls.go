package connect

import (
	"crypto/tls"
	"errors"

	"github.com/eventferry/eventferry/settings"
)

var (
	errUnverified  = errors.New("forwarder: WithTLS: InsecureSkipVerify is set, but certificates are always verified: set RootCAs to the CA of the brokers")
	errOutdatedTLS = errors.New("forwarder: WithTLS: MaxVersion is below TLS 1.2, which is the least that is used")
)

// tlsConfig returns the configuration of every connection, without what is in
// files: own or, if that is nil, the one that s describes.
func tlsConfig(s settings.TLS, own *tls.Config) (*tls.Config, error) {
	switch {
	case own == nil:
		return settings.TLS{ServerName: s.ServerName, MinVersion: s.MinVersion}.Config()
	case own.InsecureSkipVerify:
		return nil, errUnverified
	case own.MaxVersion != 0 && own.MaxVersion < tls.VersionTLS12:
		return nil, errOutdatedTLS
	}
	own = own.Clone() // one option may be given to several forwarders
	own.MinVersion = max(own.MinVersion, tls.VersionTLS12)
	return own, nil
}

// A certRequest records whether a broker asked for a client certificate, and
// which one it got. The broker's verdict comes later: with TLS 1.3 after the
// handshake.
type certRequest struct {
	made bool              // the broker asked
	sent *tls.Certificate  // nil: none to send, or none that the broker would take
	have []tls.Certificate // to choose from
	own  bool              // the configuration is the caller's

	files settings.TLS // that are named
}

// setting returns the name of what to change: a key of the settings' section tls,
// with the file that it names, or, where that does not count, what stands for it in
// WithTLS.
func (r *certRequest) setting(key string) string {
	if !r.own {
		return "tls." + key + namedFile(map[string]string{"ca_file": r.files.CAFile, "cert_file": r.files.CertFile}[key])
	}
	return "WithTLS's " + map[string]string{
		"ca_file": "RootCAs", "cert_file": "Certificates", "server_name": "ServerName", "min_version": "MinVersion",
	}[key]
}

// clientCertificate is setting for a certificate of the client's.
func (r *certRequest) clientCertificate() string {
	if r.own {
		return r.setting("cert_file")
	}
	return "tls.cert_file and tls.key_file"
}

// namedFile returns path as an explanation names it behind a setting.
func namedFile(path string) string {
	if path == "" {
		return ""
	}
	return " (file " + quote(path) + ")"
}

// observe makes tc, which is a copy already, record in r. It chooses the
// certificate that crypto/tls would choose by itself.
func (r *certRequest) observe(tc *tls.Config) *tls.Config {
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
