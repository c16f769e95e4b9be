package connect

// ExplainConnection explains why a connection of the producer's to the server at addr
// could not be opened: whom it refuses, and what to do. Its errors are one line.
func (p *Probe) ExplainConnection(addr string, err error) error {
	cfg := p.latest.Load()
	if err == nil || cfg == nil || isExplained(err) {
		return singleLine(err)
	}
	at := asking
	if cfg.Net.SASL.Enable {
		at = authenticating
	}
	return singleLine(explainFailure(shown(addr), p.identityOf(cfg), at, &sniffedConn{}, p.dialer.likelyRequest(err), err))
}

// likelyRequest returns what is likely about the client certificate on a connection
// that was closed with err. With TLS 1.3 a broker refuses the certificate only after
// the handshake.
func (d *tlsDialer) likelyRequest(err error) *certRequest {
	r := &certRequest{own: d.ownTLS, files: d.names, have: d.clientCertificates()}
	switch {
	case alertOf(err) == "":
	case len(r.have) > 0:
		r.made, r.sent = true, &r.have[0]
	case alertOf(err) == alertCertificateRequired:
		r.made = true
	}
	return r
}

// alertCertificateRequired is the text of crypto/tls for a broker that demands one.
const alertCertificateRequired = "certificate required"
