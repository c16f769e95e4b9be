package mskiam_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/auth/mskiam"
	"github.com/eventferry/eventferry/auth/oauth"
	"github.com/eventferry/eventferry/settings"
)

// A tokenLog is a broker with TLS and OAUTHBEARER, whose sessions end at once.
type tokenLog struct {
	*sarama.MockBroker
	roots *x509.CertPool
}

//nolint:forbidigo // forwardertest's Kafka has no OAUTHBEARER
func newTokenLog(t *testing.T) tokenLog {
	t.Helper()
	identity := httptest.NewTLSServer(nil) // for its certificate
	defer identity.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: identity.TLS.Certificates})
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(identity.Certificate())
	b := sarama.NewMockBrokerListener(t, 1, l)
	t.Cleanup(b.Close)
	b.SetHandlerByMap(map[string]sarama.MockResponse{
		"SaslHandshakeRequest":    sarama.NewMockSaslHandshakeResponse(t).SetEnabledMechanisms([]string{sarama.SASLTypeOAuth}),
		"SaslAuthenticateRequest": sarama.NewMockSaslAuthenticateResponse(t).SetSessionLifetimeMs(1),
		"MetadataRequest":         sarama.NewMockMetadataResponse(t).SetBroker(b.Addr(), 1),
	})
	return tokenLog{b, roots}
}

var bearer = regexp.MustCompile(`auth=Bearer ([^\x01]*)`)

// keys are the access keys that signed the tokens received so far.
func (l tokenLog) keys(t *testing.T) []string {
	t.Helper()
	var keys []string
	for _, exchange := range l.History() {
		if r, ok := exchange.Request.(*sarama.SaslAuthenticateRequest); ok {
			found := bearer.FindSubmatch(r.SaslAuthBytes)
			require.Len(t, found, 2)
			keys = append(keys, signingKey(t, string(found[1])))
		}
	}
	return keys
}

// keysOfTokens opens three connections and has each authenticate again twice. Before
// each of the nine authentications the process gets a key of its own. It returns those
// keys, and the keys of the tokens received, each once where it was used in a row.
func keysOfTokens(t *testing.T, a auth.Authenticator) (given, received []string) {
	t.Helper()
	l := newTokenLog(t)
	cfg := sarama.NewConfig()
	cfg.Version, cfg.ApiVersionsRequest = sarama.V3_6_0_0, false
	cfg.Net.TLS.Enable, cfg.Net.TLS.Config = true, &tls.Config{RootCAs: l.roots}
	next := func() {
		given = append(given, fmt.Sprintf("AKIA%d", len(given)))
		setKeys(t, given[len(given)-1])
	}
	next()
	require.NoError(t, a.Apply(cfg))
	for connection := range 3 {
		if connection > 0 {
			next()
		}
		b := sarama.NewBroker(l.Addr())
		require.NoError(t, b.Open(cfg))
		_, err := b.Connected()
		require.NoError(t, err)
		for range 2 {
			next()
			before := len(l.keys(t))
			require.Eventually(t, func() bool {
				_, err := b.GetMetadata(&sarama.MetadataRequest{})
				return assert.NoError(t, err) && len(l.keys(t)) > before
			}, time.Minute, 2*time.Millisecond, "the session has ended, and it authenticates again")
		}
		require.NoError(t, b.Close())
	}
	return given, slices.Compact(l.keys(t))
}

// Each connection and each re-authentication gets a token signed for it.
func TestIAM_connections(t *testing.T) {
	noAWS(t)
	given, received := keysOfTokens(t, &mskiam.IAM{Region: "eu-west-1"})
	assert.Len(t, given, 9)
	assert.Equal(t, given, received)
}

// The check above catches a source that signs once.
func TestIAM_connections_control(t *testing.T) {
	noAWS(t)
	var token settings.Secret
	given, received := keysOfTokens(t, &oauth.Bearer{Tokens: oauth.TokenFunc(func(ctx context.Context) (settings.Secret, error) {
		if token.IsSet() {
			return token, nil
		}
		var err error
		token, err = (&mskiam.IAM{Region: "eu-west-1"}).Token(ctx)
		return token, err
	})})
	assert.NotEqual(t, given, received)
	assert.Equal(t, []string{"AKIA0"}, received)
}
