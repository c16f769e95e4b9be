package receiver

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServer_demandsTLS(t *testing.T) {
	b := newBench(t)
	_, err := b.r.Server(":1", nil)
	assert.ErrorContains(t, err, "WithTrustedProxies")
	_, err = b.r.Server(":1", &tls.Config{MaxVersion: tls.VersionTLS11})
	assert.ErrorContains(t, err, "TLS 1.2")
	theirs := &tls.Config{MinVersion: tls.VersionTLS10}
	s, err := b.r.Server(":1", theirs)
	require.NoError(t, err)
	assert.Equal(t, uint16(tls.VersionTLS12), s.TLSConfig.MinVersion)
	assert.Equal(t, uint16(tls.VersionTLS10), theirs.MinVersion, "it is the caller's")
	s, err = b.r.Server(":1", &tls.Config{MinVersion: tls.VersionTLS13})
	require.NoError(t, err)
	assert.Equal(t, uint16(tls.VersionTLS13), s.TLSConfig.MinVersion)
	s, err = newBench(t, WithTrustedProxies(netip.MustParsePrefix("10.0.0.0/8"))).r.Server(":1", nil)
	require.NoError(t, err)
	assert.Nil(t, s.TLSConfig)
	for _, limit := range []int64{int64(s.ReadHeaderTimeout), int64(s.ReadTimeout), int64(s.WriteTimeout), int64(s.IdleTimeout), int64(s.MaxHeaderBytes), int64(s.HTTP2.MaxConcurrentStreams)} {
		assert.Positive(t, limit)
	}
	assert.Greater(t, s.WriteTimeout, b.r.options.deadline, "an answer can be written")
}

func TestServer_paths(t *testing.T) {
	b := newBench(t)
	s, err := b.r.Server(":1", &tls.Config{})
	require.NoError(t, err)
	for path, want := range map[string]int{
		"/webhook": 401, "/v2/events": 401, "/v2/bulkevents": 401, "/": 404, "/v2": 404, "/v2/": 404, "//v2/events": 404, "/webhook/": 404,
		"/v2/../webhook": 404, "/./webhook": 404, "/v2/events/": 404, "/v2/events/..": 404, "/WEBHOOK": 404, "/webhook%2f": 404, "/v2/events%00": 404,
	} {
		w := do(s.Handler, request(http.MethodPost, path, strings.NewReader(`{}`)))
		assert.Equal(t, want, w.Code, path)
		assert.NotEmpty(t, problems(t, w))
		assert.Empty(t, w.Header().Get("Location"))
	}
}
