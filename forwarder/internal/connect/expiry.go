package connect

import (
	"crypto/x509"
	"time"
)

// CertificateExpires returns when the certificate that a new connection would offer, or
// one of its chain, is no longer valid. It reads the files of the settings. Zero: there is
// none, or a function of the caller's gives it.
func (p *Probe) CertificateExpires() (end time.Time) {
	certificates := p.dialer.tls.Certificates
	if f := p.dialer.files; f != nil {
		certificates = nil
		if f.certificate != nil {
			certificates = f.certificate.current()
		}
	}
	for i := range certificates {
		for _, der := range certificates[i].Certificate {
			c, err := x509.ParseCertificate(der)
			if err == nil && (end.IsZero() || c.NotAfter.Before(end)) {
				end = c.NotAfter
			}
		}
	}
	return end
}
