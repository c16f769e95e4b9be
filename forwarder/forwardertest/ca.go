package forwardertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// A CA is a certificate authority for tests: eventferry has no plaintext mode,
// so whatever it talks to needs a certificate. Its keys are ECDSA P-256, made
// in a millisecond, and live in memory only. It may be used by any number of
// goroutines.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// NewCA makes an authority that no system trusts, valid from an hour ago for
// ten years.
func NewCA() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("forwardertest: making an authority: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "forwardertest CA"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("forwardertest: making an authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("forwardertest: making an authority: %w", err)
	}
	return &CA{cert: cert, key: key, pem: encode("CERTIFICATE", der)}, nil
}

// PEM returns the authority's certificate.
func (c *CA) PEM() []byte { return append([]byte(nil), c.pem...) }

// Pool returns a pool that holds this authority alone, for a tls.Config.
func (c *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.cert)
	return pool
}

// WriteFile writes the authority's certificate to ca.pem in dir, which must
// exist, and returns the file's path: the settings' tls.ca_file.
func (c *CA) WriteFile(dir string) (string, error) {
	path := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(path, c.pem, 0o600); err != nil {
		return "", fmt.Errorf("forwardertest: %w", err)
	}
	return path, nil
}

// IssueServer issues a server's certificate, for localhost, 127.0.0.1 and ::1
// unless an option says otherwise.
func (c *CA) IssueServer(opts ...CertOption) (Certificate, error) {
	template := leaf("localhost", x509.ExtKeyUsageServerAuth)
	WithCertHosts("localhost", "127.0.0.1", "::1").apply(template)
	return c.issue(template, opts)
}

// IssueClient issues a client's certificate with name as its common name.
func (c *CA) IssueClient(name string, opts ...CertOption) (Certificate, error) {
	return c.issue(leaf(name, x509.ExtKeyUsageClientAuth), opts)
}

func leaf(name string, usage x509.ExtKeyUsage) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{usage},
	}
}

func (c *CA) issue(template *x509.Certificate, opts []CertOption) (Certificate, error) {
	for _, o := range opts {
		o.apply(template)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificate{}, fmt.Errorf("forwardertest: issuing a certificate: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, key.Public(), c.key)
	if err != nil {
		return Certificate{}, fmt.Errorf("forwardertest: issuing a certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Certificate{}, fmt.Errorf("forwardertest: issuing a certificate: %w", err)
	}
	return Certificate{CertPEM: encode("CERTIFICATE", der), KeyPEM: encode("PRIVATE KEY", pkcs8)}, nil
}

// A Certificate is what an authority issued: the certificate and its private
// key (PKCS#8), both as PEM.
type Certificate struct {
	CertPEM, KeyPEM []byte
}

// TLS returns the certificate as a tls.Config takes it.
func (c Certificate) TLS() (tls.Certificate, error) { return tls.X509KeyPair(c.CertPEM, c.KeyPEM) }

// WriteFiles writes name.pem and name-key.pem to dir, which must exist, and
// returns their paths: the settings' tls.cert_file and tls.key_file.
func (c Certificate) WriteFiles(dir, name string) (certFile, keyFile string, err error) {
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem")
	if err := os.WriteFile(certFile, c.CertPEM, 0o600); err != nil {
		return "", "", fmt.Errorf("forwardertest: %w", err)
	}
	if err := os.WriteFile(keyFile, c.KeyPEM, 0o600); err != nil {
		return "", "", fmt.Errorf("forwardertest: %w", err)
	}
	return certFile, keyFile, nil
}

// A CertOption changes what [CA.IssueServer] and [CA.IssueClient] issue. The
// faults are for testing that a client refuses them.
type CertOption interface{ apply(*x509.Certificate) }

type certOptionFunc func(*x509.Certificate)

func (f certOptionFunc) apply(c *x509.Certificate) { f(c) }

// WithCertHosts names the hosts that a server's certificate is for, names and
// addresses, in place of those it would have.
func WithCertHosts(hosts ...string) CertOption {
	return certOptionFunc(func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = nil, nil
		for _, h := range hosts {
			if ip := net.ParseIP(h); ip != nil {
				c.IPAddresses = append(c.IPAddresses, ip)
			} else {
				c.DNSNames = append(c.DNSNames, h)
			}
		}
	})
}

// WithCertCommonNameOnly leaves out the subject alternative names and puts host in
// the common name, as old recipes for Kafka do. Go's TLS refuses that.
func WithCertCommonNameOnly(host string) CertOption {
	return certOptionFunc(func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = nil, nil
		c.Subject.CommonName = host
	})
}

// WithCertExpired makes the certificate one that ended an hour ago.
func WithCertExpired() CertOption {
	return certOptionFunc(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().AddDate(0, 0, -2), time.Now().Add(-time.Hour)
	})
}

// WithCertNotYetValid makes the certificate one that begins tomorrow.
func WithCertNotYetValid() CertOption {
	return certOptionFunc(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().AddDate(0, 0, 1), time.Now().AddDate(1, 0, 0)
	})
}

func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return new(big.Int).SetBytes(b)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
