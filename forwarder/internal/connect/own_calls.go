package connect

import (
	"crypto/tls"
	"errors"
	"sync/atomic"
)

// What is waited for may be a function of the caller's.
var (
	errSlowCredentials = errors.New("no credentials yet: the function that gives them has not returned")
	errSlowCertificate = errors.New("no client certificate yet: GetClientCertificate of WithTLS has not returned")
)

// ownCalls counts the calls of the caller's functions that have not returned.
type ownCalls struct{ credentials, certificate atomic.Int32 }

// pending says which function has not returned, if one has not.
func (o *ownCalls) pending() error {
	switch {
	case o.credentials.Load() > 0:
		return errSlowCredentials
	case o.certificate.Load() > 0:
		return errSlowCertificate
	default:
		return nil
	}
}

// watchCertificate counts the calls of a function that gives client certificates.
func (o *ownCalls) watchCertificate(tc *tls.Config) {
	ask := tc.GetClientCertificate
	if ask == nil {
		return
	}
	tc.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		o.certificate.Add(1)
		defer o.certificate.Add(-1)
		return ask(info)
	}
}
