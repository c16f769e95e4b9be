package settings

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
)

// TLS says how brokers are verified and which certificate the client shows.
// The zero value verifies brokers against the system's roots. There is no
// switch for plaintext and none that skips verification. A relative path starts
// at the working directory of the process, as does that of password_file.
type TLS struct {
	// A PEM file with the certificates of the authorities to trust, instead of
	// the system's. Each connection reads the file anew.
	//
	// Beyond the page: TLS CA File. Default: the system's authorities.
	CAFile string `json:"ca_file"`

	// A PEM file with the client's certificate, followed by those between it
	// and the authority, for brokers that ask for one. It goes with key_file. Each
	// connection reads both anew, and takes them if they fit.
	//
	// Beyond the page: TLS Certificate File. Default: no client certificate.
	CertFile string `json:"cert_file"`

	// A PEM file with the private key of cert_file, not encrypted.
	//
	// Beyond the page: TLS Key File. Default: no client certificate.
	KeyFile string `json:"key_file"`

	// The name that the brokers' certificates must hold, where it is not the
	// host that is connected to.
	//
	// Beyond the page: TLS Server Name. Default: the broker's host.
	ServerName string `json:"server_name"`

	// The oldest version of TLS to accept: 1.2 or 1.3.
	//
	// Beyond the page: TLS Minimum Version. Default: 1.2.
	MinVersion TLSVersion `json:"min_version"`
}

// A TLSVersion is a version of the TLS protocol.
type TLSVersion string

// The versions that can be asked for. Older ones are broken.
const (
	TLS12 TLSVersion = "1.2" // RFC 5246
	TLS13 TLSVersion = "1.3" // RFC 8446
)

// Config reads the files and returns the configuration of the connections,
// with verification on. It is the caller's own. Mistakes are joined, each a
// [*FieldError] that names the file.
func (t TLS) Config() (*tls.Config, error) {
	mistakes := append(t.checkFields(), t.checkPair()...)
	if len(mistakes) > 0 {
		return nil, join(mistakes)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.MinVersion == TLS13 {
		c.MinVersion = tls.VersionTLS13
	}
	if t.CAFile != "" {
		pool, err := readAuthorities(t.CAFile)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		c.RootCAs = pool
	}
	if t.CertFile != "" {
		cert, errs := readCertificate(t.CertFile, t.KeyFile)
		mistakes = append(mistakes, errs...)
		c.Certificates = []tls.Certificate{cert}
	}
	if len(mistakes) > 0 {
		return nil, join(mistakes)
	}
	return c, nil
}

// readAuthorities is strict: without an authority whose lines are damaged, a
// broker's certificate would have an unknown one. pem.Decode skips damaged
// blocks, so it gets one certificate at a time.
func readAuthorities(file string) (*x509.CertPool, *FieldError) {
	bad := func(reason string, err error) *FieldError {
		return &FieldError{Field: "tls.ca_file", Value: file, Reason: reason, Err: err}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, bad("cannot be read", withoutPath(err))
	}
	const begin = "\n" + beginCertificate
	text := "\n" + string(withoutMark(data))
	certs := strings.Split(text, begin)[1:]
	if len(certs) == 0 {
		return nil, bad("holds no certificate in PEM form", nil)
	}
	pool := x509.NewCertPool()
	for i, cert := range certs {
		damaged := fmt.Sprintf("certificate %d in the file is damaged", i+1)
		block, _ := pem.Decode([]byte(begin + cert))
		if block == nil || block.Type != "CERTIFICATE" { // it found a later block
			return nil, bad(damaged, nil)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, bad(damaged, err)
		}
		pool.AddCert(c)
	}
	return pool, nil
}

const beginCertificate = "-----BEGIN CERTIFICATE-----"

// withoutMark leaves out the byte order mark that some editors put first.
func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\ufeff")) }

// readCertificate reads a certificate and its key. A pair that does not fit is read once
// more: both files may have been replaced between the two.
func readCertificate(certFile, keyFile string) (tls.Certificate, []*FieldError) {
	certPEM, keyPEM, mistakes := readPair(certFile, keyFile)
	if len(mistakes) == 0 {
		if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
			certPEM, keyPEM, mistakes = readPair(certFile, keyFile)
		}
	}
	if len(mistakes) > 0 {
		return tls.Certificate{}, mistakes
	}
	if encrypted(keyPEM) {
		return tls.Certificate{}, []*FieldError{{Field: "tls.key_file", Value: keyFile, Reason: "must not be encrypted"}}
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		reason := fmt.Sprintf("does not work with tls.key_file %q", keyFile)
		return cert, []*FieldError{{Field: "tls.cert_file", Value: certFile, Reason: reason, Err: err}}
	}
	if bytes.Count(certPEM, []byte(beginCertificate)) != len(cert.Certificate) { // it skips damaged blocks
		return cert, []*FieldError{{Field: "tls.cert_file", Value: certFile, Reason: "holds a certificate that is damaged"}}
	}
	return cert, nil
}

func readPair(certFile, keyFile string) (certPEM, keyPEM []byte, mistakes []*FieldError) {
	read := func(key, file string) []byte {
		data, err := os.ReadFile(file)
		if err != nil {
			mistakes = append(mistakes, &FieldError{Field: key, Value: file, Reason: "cannot be read", Err: withoutPath(err)})
		}
		return withoutMark(data)
	}
	certPEM, keyPEM = read("tls.cert_file", certFile), read("tls.key_file", keyFile)
	return certPEM, keyPEM, mistakes
}

// encrypted reports whether a passphrase protects the key, in one of openssl's
// two forms (RFC 5958, RFC 1421).
func encrypted(keyPEM []byte) bool {
	block, _ := pem.Decode(keyPEM)
	return block != nil && (block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "")
}
