package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/eventferry/eventferry/forwarder"
)

// soon is when the end of a certificate is near enough for a warning.
const soon = 14 * 24 * time.Hour

// certificate looks at the one that the doors show, and at its chain.
func certificate(certFile, keyFile string) forwarder.Check {
	const step, target = "certificate", "cert_file, key_file"
	if certFile == "" || keyFile == "" {
		return wrong(step, target, "not both set", "set cert_file and key_file, or trusted_proxies if a proxy has the certificate")
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return wrong(step, target, oneLine(err), "name a certificate and its key, as PEM, that this user may read")
	}
	from, to := pair.Leaf.NotBefore, pair.Leaf.NotAfter
	for _, der := range pair.Certificate[1:] { // clients refuse a chain with one that has expired
		if c, err := x509.ParseCertificate(der); err == nil && c.NotAfter.Before(to) {
			to = c.NotAfter
		}
	}
	return validity(step, from, to, time.Now())
}

// validity compares the time of a certificate with now. A certificate is read at each
// handshake, so one that has expired keeps no service from starting.
func validity(step string, from, to, now time.Time) forwarder.Check {
	const day = 24 * time.Hour
	found := fmt.Sprintf("valid until %s, %d days left", to.UTC().Format(time.DateOnly), to.Sub(now)/day)
	c := fine(step, "cert_file, key_file", found)
	switch {
	case now.After(to):
		c.Status, c.Found = forwarder.CheckFailed, fmt.Sprintf("expired %d days ago, on %s", now.Sub(to)/day, to.UTC().Format(time.DateOnly))
		c.Do = "renew it: clients refuse the doors"
	case now.Before(from):
		c.Status, c.Found = forwarder.CheckFailed, "is valid from "+from.UTC().Format(time.DateTime)+" on only"
		c.Do = "correct the clock, or wait: clients refuse the doors"
	case to.Sub(now) < soon:
		c.Status, c.Do = forwarder.CheckWarning, "renew it: a new one is used without a restart"
	}
	return c
}

// quarantineFolder makes a file in it, and removes the file.
func quarantineFolder(dir string) forwarder.Check {
	const step = "quarantine_dir"
	f, err := os.CreateTemp(dir, "examined-")
	if err == nil {
		_, err = f.WriteString("examined")
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", dir, at.Err) // without the name of the file
	}
	if err != nil {
		return wrong(step, "", oneLine(err), "make the folder, and let this user write to it: without it, what can never be forwarded gets 503 for ever")
	}
	return fine(step, "", dir+" can be written to")
}
