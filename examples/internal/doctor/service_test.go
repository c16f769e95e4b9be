package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/examples/internal/serving"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

// sound returns a service that lacks nothing, and what it has listening.
func sound(t *testing.T) (Service, net.Listener) {
	t.Helper()
	ca, err := forwardertest.NewCA()
	require.NoError(t, err)
	issued, err := ca.IssueServer()
	require.NoError(t, err)
	s := Service{
		Feeds:    []receiver.Feed{{Name: "hook", Secrets: []settings.Secret{settings.NewSecret("hush")}}},
		Variable: "SECRET_", Quarantine: t.TempDir(),
		Listen: [][2]string{{"listen", "127.0.0.1:0"}},
		Settings: settings.Settings{
			BootstrapServers: "localhost:9093", TopicName: "events", Delivery: settings.Delivery{MaxMessageBytes: 64 << 10},
			Spool: settings.Spool{Dir: filepath.Join(t.TempDir(), "spool"), MaxBytes: 1 << 20},
		},
	}
	s.CertFile, s.KeyFile, err = issued.WriteFiles(t.TempDir(), "door")
	require.NoError(t, err)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return s, l
}

// Each mistake is told with what to do, and keeps the service from starting.
func TestLook(t *testing.T) {
	for want, change := range map[string]func(*Service){
		`feeds 0 ("hook"): no secret: set the variable SECRET_hook`:             func(s *Service) { s.Feeds[0].Secrets = nil },
		`feeds 0 ("my-hook"): no secret: give it a name of letters, digits`:     func(s *Service) { s.Feeds = []receiver.Feed{{Name: "my-hook"}} },
		`feeds: receiver: there is no feed`:                                     func(s *Service) { s.Feeds = nil },
		`feeds: receiver: feed 1 ("hook"): another one has this name`:           func(s *Service) { s.Feeds = append(s.Feeds, s.Feeds[0]) },
		`certificate cert_file, key_file: not both set: set cert_file`:          func(s *Service) { s.CertFile = "" },
		`certificate cert_file, key_file: open /none: no such file`:             func(s *Service) { s.CertFile = "/none" },
		`quarantine_dir: /none: no such file or directory: make the folder`:     func(s *Service) { s.Quarantine = "/none" },
		`address listen: listen tcp: address 8443: missing port in address: gi`: func(s *Service) { s.Listen[0][1] = "8443" },
		`is also that of another member: give each an address of its own`: func(s *Service) {
			free, err := serving.FreeAddress(t.Context(), "127.0.0.1:0")
			require.NoError(t, err)
			s.Listen = [][2]string{{"listen", free}, {"admin", free}}
		},
		`routes: forwarder: topic_name must be empty, as the routes name the t`: func(s *Service) { s.Routes = []forwarder.Route{{Topic: "all"}} },
		`routes: forwarder: route 1: type "event" is none of the constants`: func(s *Service) {
			s.Settings.TopicName, s.Routes = "", []forwarder.Route{{Topic: "all", Types: []string{"event"}}}
		},
		`WithWindow, or the setting spool.window, gathers batches for one topic`: func(s *Service) {
			s.Settings.TopicName, s.Settings.Spool.Window, s.Routes = "", time.Hour, []forwarder.Route{{Topic: "all"}}
		},
		`settings.spool.dir: missing: name a folder`: func(s *Service) { s.Settings.Spool.Dir = "" },
	} {
		s, _ := sound(t)
		change(&s)
		var out strings.Builder
		checks := s.Look(t.Context())
		err := Print(&out, checks)
		assert.Equal(t, ExitFailed, Exit(err), want)
		assert.ErrorContains(t, Refusal(checks), want)
		assert.Contains(t, out.String(), "failed ")
		assert.Contains(t, out.String(), "-> ")
		assert.NotContains(t, out.String(), "hush")
	}
}

// A service that lacks nothing leaves nothing behind. Behind a proxy it needs no certificate.
func TestLook_sound(t *testing.T) {
	s, _ := sound(t)
	for _, proxied := range []bool{false, true} {
		if s.Proxied = proxied; proxied {
			s.CertFile = ""
		}
		var out strings.Builder
		checks := s.Look(t.Context())
		require.NoError(t, Print(&out, checks))
		require.NoError(t, Refusal(checks))
		assert.Equal(t, !proxied, strings.Contains(out.String(), "days left"))
		assert.Contains(t, out.String(), `each has a secret: ["hook"]`)
	}
	left, err := os.ReadDir(s.Quarantine)
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.NoDirExists(t, s.Settings.Spool.Dir)
}

// An address that is in use may be the service's own: a warning, with which another one
// must not start.
func TestLook_inUse(t *testing.T) {
	s, l := sound(t)
	s.Listen[0][1] = l.Addr().String()
	var out strings.Builder
	checks := s.Look(t.Context())
	assert.Equal(t, ExitWarnings, Exit(Print(&out, checks)))
	assert.Contains(t, out.String(), "-> leave it if this service runs")
	assert.ErrorContains(t, Refusal(checks), "address listen: listen tcp "+l.Addr().String())
}

// The days of a certificate. One that is out of date keeps nothing from starting: it is
// read at each handshake.
func TestValidity(t *testing.T) {
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for _, c := range []struct {
		from, to time.Duration
		status   forwarder.CheckStatus
		found    string
	}{
		{-day, 15 * day, forwarder.CheckOK, "valid until 2026-05-25, 15 days left"},
		{-day, 13 * day, forwarder.CheckWarning, "valid until 2026-05-23, 13 days left"},
		{-9 * day, -5 * day, forwarder.CheckFailed, "expired 5 days ago, on 2026-05-05"},
		{day, 15 * day, forwarder.CheckFailed, "is valid from 2026-05-11 12:00:00 on only"},
	} {
		check := validity("certificate", now.Add(c.from), now.Add(c.to), now)
		assert.Equal(t, c.status, check.Status, c.found)
		assert.Equal(t, c.found, check.Found)
		assert.NoError(t, check.Err)
		assert.Equal(t, c.status == forwarder.CheckOK, check.Do == "")
	}
}

// Clients refuse a chain with a certificate that has expired: its end is that of the first,
// as the metric of the doors has it.
func TestCertificate_chain(t *testing.T) {
	s, _ := sound(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	end := time.Now().Add(5*24*time.Hour + time.Hour)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	chain, err := os.ReadFile(s.CertFile)
	require.NoError(t, err)
	chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	require.NoError(t, os.WriteFile(s.CertFile, chain, 0o600))
	check := certificate(s.CertFile, s.KeyFile)
	assert.Equal(t, forwarder.CheckWarning, check.Status)
	assert.Equal(t, "valid until "+end.UTC().Format(time.DateOnly)+", 5 days left", check.Found)
}

func TestExit(t *testing.T) {
	other := errors.New("other")
	for want, errs := range map[int][]error{
		ExitOK: {nil, nil}, ExitWarnings: {nil, errWarnings, errWarnings}, ExitFailed: {errWarnings, other},
	} {
		assert.Equal(t, want, Exit(Worst(errs...)))
	}
	assert.Equal(t, "other", Worst(errWarnings, other, nil).Error(), "what failed is told")
	for want, status := range map[int]forwarder.CheckStatus{
		ExitOK: forwarder.CheckOK, ExitWarnings: forwarder.CheckWarning, ExitFailed: forwarder.CheckFailed,
	} {
		assert.Equal(t, want, ExitOf(status))
	}
	assert.Equal(t, ExitFailed, ExitOf(forwarder.CheckSkipped), "nothing was looked at")
}
