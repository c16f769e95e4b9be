package receiver

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"
)

// Stats says what a receiver has answered. Numbers count from [New] on and never fall.
// Fields may be added.
type Stats struct {
	// Posts has the requests that were answered, by door, feed and status. A request is
	// counted once, before its answer is sent, however many batches it brought.
	Posts []PostStats

	// Refused has what can never be forwarded, by door and feed: batches, or bodies as a
	// whole. It is no more than what [Info] reports as Refused, or as Failed because the
	// quarantine did not take it. The sender of the latter is asked to post it again, and
	// it is counted each time.
	Refused []RefusedStats

	// CertificateExpires is when the certificate that the server of the last call of
	// [Receiver.Server] would show now is no longer valid: to a client that names no
	// server. Zero: there is none, or it cannot be had so.
	CertificateExpires time.Time
}

// PostStats counts requests. Fields may be added.
type PostStats struct {
	Door   Door   // "": a path of [Receiver.Server] that is no door's
	Feed   string // its name; "" if the credentials were not accepted, or not looked at; "_OTHER" for feeds beyond some two thousand counts
	Status int    // of the answer
	Posts  int64
}

// RefusedStats counts what can never be forwarded. Fields may be added.
type RefusedStats struct {
	Door        Door
	Feed        string // as in [PostStats]
	Quarantined int64  // the quarantine has it
	Failed      int64  // the quarantine has returned an error, and the answer was 503
	Discarded   int64  // there is no quarantine
}

// A fate is what became of something that can never be forwarded.
type fate int

const (
	fateQuarantined fate = iota
	fateFailed
	fateDiscarded
)

// Stats returns the numbers of this moment, in the order of doors, feeds and statuses.
// It blocks for nothing but the GetCertificate of a server, and may be called from any
// goroutine.
func (r *Receiver) Stats() Stats {
	s := Stats{CertificateExpires: expiry(r.tls.Load())}
	for key, n := range r.counts.posts.all() {
		s.Posts = append(s.Posts, PostStats{Door: key.door, Feed: key.feed, Status: key.status, Posts: n.Load()})
	}
	slices.SortFunc(s.Posts, func(a, b PostStats) int {
		return cmp.Or(cmp.Compare(a.Door, b.Door), cmp.Compare(a.Feed, b.Feed), cmp.Compare(a.Status, b.Status))
	})
	for key, n := range r.counts.refused.all() {
		i := slices.IndexFunc(s.Refused, func(of RefusedStats) bool { return of.Door == key.door && of.Feed == key.feed })
		if i < 0 {
			i = len(s.Refused)
			s.Refused = append(s.Refused, RefusedStats{Door: key.door, Feed: key.feed})
		}
		switch key.fate {
		case fateQuarantined:
			s.Refused[i].Quarantined = n.Load()
		case fateFailed:
			s.Refused[i].Failed = n.Load()
		case fateDiscarded:
			s.Refused[i].Discarded = n.Load()
		}
	}
	slices.SortFunc(s.Refused, func(a, b RefusedStats) int {
		return cmp.Or(cmp.Compare(a.Door, b.Door), cmp.Compare(a.Feed, b.Feed))
	})
	return s
}

// expiry returns when the certificate that a server shows is no longer valid; zero: not
// known.
func expiry(t *tls.Config) (end time.Time) {
	if t == nil {
		return time.Time{}
	}
	var certificate *tls.Certificate
	if t.GetCertificate != nil {
		_ = guarded("GetCertificate", func() (err error) {
			certificate, err = t.GetCertificate(&tls.ClientHelloInfo{})
			return err
		})
	}
	if certificate == nil && len(t.Certificates) > 0 {
		certificate = &t.Certificates[0]
	}
	if certificate == nil || len(certificate.Certificate) == 0 {
		return time.Time{}
	}
	for _, der := range certificate.Certificate { // clients refuse a chain with one that has expired
		c, err := x509.ParseCertificate(der)
		if err == nil && (end.IsZero() || c.NotAfter.Before(end)) {
			end = c.NotAfter
		}
	}
	return end
}
