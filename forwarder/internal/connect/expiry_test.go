package connect

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// The end is that of the file now, while it can be read, or of the caller's configuration.
func TestProbe_CertificateExpires(t *testing.T) {
	ca := newAuthority(t, "ca")
	ending := func(in time.Duration) (tls.Certificate, time.Time) {
		end := time.Now().Add(in).UTC().Truncate(time.Second)
		return ca.issue("client", func(c *x509.Certificate) { c.NotAfter = end }), end
	}
	f, p := newRotatedFiles(t, ca)
	first, firstEnd := ending(time.Hour)
	second, secondEnd := ending(2 * time.Hour)
	f.pair(first)
	assert.Equal(t, firstEnd, p.CertificateExpires())
	f.pair(second)
	assert.Equal(t, secondEnd, p.CertificateExpires(), "it was replaced")
	f.write("cert.pem", []byte("half"))
	assert.Equal(t, secondEnd, p.CertificateExpires(), "connections use that, too")

	first.Certificate = append(second.Certificate, first.Certificate...)
	p = probeOf(t, somewhere, Options{TLS: &tls.Config{Certificates: []tls.Certificate{first}, MinVersion: tls.VersionTLS12}})
	assert.Equal(t, firstEnd, p.CertificateExpires(), "the first of the chain to end")
	assert.Zero(t, probeOf(t, somewhere, Options{}).CertificateExpires())
}
