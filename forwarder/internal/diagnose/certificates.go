package diagnose

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
)

// soon is how many days before the end of a certificate a warning begins.
const soon = 30

const day = 24 * time.Hour

// tlsFinding describes a verified connection, and warns of certificates that end soon.
// own is the client's, nil if the broker has got none.
func tlsFinding(state *tls.ConnectionState, own *x509.Certificate, now time.Time) finding {
	chain := longestValid(state)
	if own != nil {
		chain = append(slices.Clone(chain), own)
	}
	found := []string{tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)}
	do := ""
	for i, c := range chain {
		left := daysLeft(c, now)
		text := fmt.Sprintf("%q", connect.Line(c.Subject.String()))
		switch {
		case i == 0:
			text = "certificate " + text + " for " + connect.CertificateNames(c)
		case c == own:
			text = "ours " + text
		}
		ended := now.After(c.NotAfter)
		if ended {
			found = append(found, fmt.Sprintf("%s, expired %d days ago", text, -left))
		} else {
			found = append(found, fmt.Sprintf("%s, %d days left", text, left))
		}
		switch end := c.NotAfter.UTC().Format(time.DateTime); {
		case do != "" || left >= soon:
		case ended:
			do = fmt.Sprintf("renew certificate %q, which expired on %s", connect.Line(c.Subject.String()), end)
		default:
			do = fmt.Sprintf("renew certificate %q before %s", connect.Line(c.Subject.String()), end)
		}
	}
	text := strings.Join(found, "; ")
	if do != "" {
		return warn(text, do)
	}
	return fine(text)
}

// longestValid returns the verified chain that stays valid for longest, from the
// server's certificate to the authority's.
func longestValid(state *tls.ConnectionState) []*x509.Certificate {
	chains := state.VerifiedChains
	if len(chains) == 0 {
		return state.PeerCertificates // verified by functions of the caller's
	}
	best := chains[0]
	for _, chain := range chains[1:] {
		if firstEnd(chain).After(firstEnd(best)) {
			best = chain
		}
	}
	return best
}

func firstEnd(chain []*x509.Certificate) time.Time {
	end := chain[0].NotAfter
	for _, c := range chain {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

func daysLeft(c *x509.Certificate, now time.Time) int { return int(c.NotAfter.Sub(now) / day) }
