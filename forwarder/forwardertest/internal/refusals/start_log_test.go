package refusals

import (
	"context"
	"crypto/tls"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// An untilWritten cancels once something is logged.
type untilWritten struct {
	text   strings.Builder
	cancel context.CancelFunc
}

func (w *untilWritten) Write(p []byte) (int, error) {
	w.cancel()
	return w.text.Write(p)
}

// New logs which leaders it waits for, when one of three says nothing.
func TestStart_logsSilentLeader(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	defer k.Silence(2).Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := untilWritten{cancel: cancel}
	s := k.Settings()
	s.BootstrapServers = k.Servers()[0]
	_, err := forwarder.New(ctx, s, forwarder.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, strings.Count(out.text.String(), "\n"), out.text.String())
	assert.Contains(t, out.text.String(), "not started yet: waiting for Kafka")
	assert.Contains(t, out.text.String(), k.Servers()[2])
}

// What New waits for is a function of the caller's: the log blames no broker for it,
// also where brokers have been reached when it is called.
func TestStart_logsFunctionsThatTakeLong(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithClientCertificates())
	tc, err := k.Settings().TLS.Config()
	require.NoError(t, err)
	slow := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	credentials := forwarder.WithCredentials(func(ctx context.Context) (string, settings.Secret, error) {
		return "", settings.Secret{}, slow(ctx)
	})
	tc.Certificates, tc.GetClientCertificate = nil, func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return nil, slow(info.Context())
	}
	for name, tt := range map[string]struct {
		method settings.Method
		change func(*settings.Settings)
		option forwarder.Option
		cause  string
	}{
		"PLAIN":              {settings.Plain, askForUser, credentials, "no credentials yet: the function that gives them has not returned"},
		"SCRAM":              {settings.SCRAMSHA256, askForUser, credentials, "no credentials yet: the function that gives them has not returned"},
		"client certificate": {settings.SCRAMSHA512, func(s *settings.Settings) { s.TLS = settings.TLS{} }, forwarder.WithTLS(tc), "no client certificate yet: GetClientCertificate of WithTLS has not returned"},
	} {
		t.Run(name, func(t *testing.T) {
			s := k.SettingsFor(tt.method)
			tt.change(&s)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			out := untilWritten{cancel: cancel}
			_, err := forwarder.New(ctx, s, tt.option, forwarder.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, 1, strings.Count(out.text.String(), "\n"), out.text.String())
			assert.Contains(t, out.text.String(), `cause="`+tt.cause+`"`)
		})
	}
}

func askForUser(s *settings.Settings) { s.UserName, s.Password = "", settings.Secret{} }
