package receiver

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"time"
)

// The paths of [Receiver.Server].
const (
	WebhookPath   = "/webhook"
	ServerAPIPath = "/v2/"
)

var errNoDoor = errors.New("receiver: a path that is no door's: correct the URL")

// Server returns a server for addr, "host:port", with all time-outs that keep slow
// clients from holding it up. It serves [Receiver.Webhook] at [WebhookPath] and
// [Receiver.ServerAPI] below [ServerAPIPath]; another Handler may be put in the place
// of its own. Its caller starts it, with ListenAndServeTLS("", "") or ServeTLS, and
// shuts it down before the forwarder. Any other path is answered 404, and a post to one
// is logged, since mParticle repeats none.
//
// t holds the certificate. It is copied, and at least TLS 1.2 is demanded. It may be
// nil only if a trusted proxy is named ([WithTrustedProxies]), which ends TLS:
// ListenAndServe starts the server then.
func (r *Receiver) Server(addr string, t *tls.Config) (*http.Server, error) {
	switch {
	case t == nil && len(r.options.proxies) == 0:
		return nil, errors.New("receiver: a server without TLS needs WithTrustedProxies, which names the proxies in front of it that have it")
	case t != nil:
		if t.MaxVersion != 0 && t.MaxVersion < tls.VersionTLS12 {
			return nil, errors.New("receiver: the TLS configuration allows nothing from TLS 1.2 on")
		}
		t = t.Clone()
		t.MinVersion = max(t.MinVersion, tls.VersionTLS12)
	}
	r.tls.Store(t)
	return &http.Server{
		Addr:              addr,
		Handler:           r.doors(),
		TLSConfig:         t,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       bodyTime + 5*time.Second,
		WriteTimeout:      r.options.deadline + 7*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
	}, nil
}

// doors serves each door at its path. It is no http.ServeMux, since that answers
// paths with a slash too many by a redirect, which some clients follow and some not.
func (r *Receiver) doors() http.Handler {
	webhook, server := r.Webhook(), r.ServerAPI()
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch path := req.URL.EscapedPath(); {
		case path == WebhookPath:
			webhook.ServeHTTP(w, req)
		case strings.HasPrefix(path, ServerAPIPath):
			server.ServeHTTP(w, req)
		default:
			a := problemAnswer(http.StatusNotFound, codeNotFound, "no such path")
			r.counts.posted("", "", a.status)
			if req.Method == http.MethodPost { // others look, as scanners do
				r.log.warn(req.Context(), r.options.now(), codeNotFound, "receiver: not kept",
					"door", "", "remote", req.RemoteAddr, "outcome", string(Failed), "status", a.status, "code", codeNotFound, "err", errNoDoor)
			}
			a.write(w)
		}
	})
}
