package receiver

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestWebhook_needsTLSOrATrustedProxy(t *testing.T) {
	for _, tt := range []struct {
		from, forwarded string
		proxies         []netip.Prefix
		ok              bool
	}{
		{from: "127.0.0.1:1", ok: false},
		{from: "10.1.2.3:1", proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ok: true},
		{from: "[::ffff:10.1.2.3]:1", proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ok: true},
		{from: "[fe80::1%eth0]:1", proxies: []netip.Prefix{netip.MustParsePrefix("fe80::/10")}, ok: true},
		{from: "11.1.2.3:1", proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ok: false},
		{from: "10.1.2.3:1", forwarded: "https", proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ok: true},
		{from: "10.1.2.3:1", forwarded: "HTTP", proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ok: false},
		{from: "10.1.2.3:1", forwarded: "http, https", proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ok: false},
		{from: "10.1.2.3:1", forwarded: "https,http", proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ok: true},
		{from: "11.1.2.3:1", forwarded: "https", proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ok: false},
		{from: "@", proxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, ok: false},
	} {
		b := newBench(t, WithTrustedProxies(tt.proxies...))
		for _, sdk := range []bool{false, true} {
			h := b.webhook
			if sdk {
				h = b.server
			}
			req := request(http.MethodPost, "/v2/events", strings.NewReader(`{}`))
			req.TLS, req.RemoteAddr = nil, tt.from
			req.Header.Set("Authorization", hookSecret)
			if sdk {
				req.SetBasicAuth(apiKey, apiSecret)
			}
			if tt.forwarded != "" {
				req.Header.Set("X-Forwarded-Proto", tt.forwarded)
			}
			w := do(h, req)
			switch {
			case tt.ok && sdk:
				says(t, w, http.StatusAccepted, "", "")
			case tt.ok:
				says(t, w, http.StatusOK, "", "")
			case sdk:
				says(t, w, http.StatusForbidden, codeForbidden, "in clear")
			default:
				says(t, w, http.StatusServiceUnavailable, codeUnavailable, "in clear")
			}
		}
	}
}
