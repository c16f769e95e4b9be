package connect

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/eventferry/eventferry/settings"
)

// tlsFiles are the files of the section tls. Authorities and certificate are read
// apart, so that one can change while the other has a mistake. Certificate and key
// change together or not at all.
type tlsFiles struct {
	authorities *reread[*x509.CertPool]    // nil: those of the system
	certificate *reread[[]tls.Certificate] // nil: none
}

// newTLSFiles reads the files for the first time. Mistakes in them are joined.
func newTLSFiles(s settings.TLS, logger *slog.Logger) (*tlsFiles, error) {
	var f tlsFiles
	var badAuthorities, badCertificate error
	if s.CAFile != "" {
		only := settings.TLS{CAFile: s.CAFile}
		f.authorities, badAuthorities = newReread("tls.ca_file", []string{s.CAFile}, logger, func() (*x509.CertPool, error) {
			tc, err := only.Config()
			if err != nil {
				return nil, err
			}
			return tc.RootCAs, nil
		}, (*x509.CertPool).Equal)
	}
	if s.CertFile != "" {
		only := settings.TLS{CertFile: s.CertFile, KeyFile: s.KeyFile}
		f.certificate, badCertificate = newReread("tls.cert_file and tls.key_file", []string{s.CertFile, s.KeyFile}, logger, func() ([]tls.Certificate, error) {
			tc, err := only.Config()
			if err != nil {
				return nil, err
			}
			return tc.Certificates, nil
		}, sameCertificates)
		if f.certificate != nil {
			f.certificate.doubt = outOfTime
		}
	}
	return &f, errors.Join(badAuthorities, badCertificate)
}

// sameCertificates compares the chains. A key cannot differ alone: it would not fit.
func sameCertificates(a, b []tls.Certificate) bool {
	return slices.EqualFunc(a, b, func(a, b tls.Certificate) bool {
		return slices.EqualFunc(a.Certificate, b.Certificate, slices.Equal)
	})
}

// outOfTime says that the client's certificate has expired or is not valid yet, by this
// host's clock. Brokers have the last word.
func outOfTime(certs []tls.Certificate) string {
	now := time.Now()
	for _, c := range certs {
		switch leaf := c.Leaf; {
		case leaf == nil:
		case now.After(leaf.NotAfter):
			return "the certificate expired on " + leaf.NotAfter.UTC().Format(time.DateTime) + ": renew it"
		case now.Before(leaf.NotBefore):
			return "the certificate is not valid before " + leaf.NotBefore.UTC().Format(time.DateTime) + ": check the clocks, or renew it"
		}
	}
	return ""
}

// applyTo sets in tc, for a new connection, what the files hold now.
func (f *tlsFiles) applyTo(tc *tls.Config) {
	if f.authorities != nil {
		tc.RootCAs = f.authorities.current()
	}
	if f.certificate != nil {
		tc.Certificates = f.certificate.current()
	}
}

// latestCertificates returns the client's, as the last connection got them.
func (f *tlsFiles) latestCertificates() []tls.Certificate {
	if f.certificate == nil {
		return nil
	}
	return f.certificate.latest()
}

// newPasswordFile reads the file for the first time.
func newPasswordFile(s settings.Settings, logger *slog.Logger) (*reread[settings.Secret], error) {
	return newReread("password_file", []string{s.PasswordFile}, logger, s.ReadPassword, settings.Secret.Equal)
}

// withAbsoluteFiles returns s with paths that stay the same when the process changes
// its working directory.
func withAbsoluteFiles(s settings.Settings) settings.Settings {
	for _, path := range []*string{&s.PasswordFile, &s.TLS.CAFile, &s.TLS.CertFile, &s.TLS.KeyFile} {
		if *path == "" {
			continue
		}
		if absolute, err := filepath.Abs(*path); err == nil {
			*path = absolute
		}
	}
	return s
}
