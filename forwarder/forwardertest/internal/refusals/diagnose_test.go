package refusals

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/goleak"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// TestDiagnose_healthy: every step is looked at, nothing is to be done, nothing is
// written, and nothing is left behind.
func TestDiagnose_healthy(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3),
		forwardertest.WithBrokerConfig("min.insync.replicas", "2"), forwardertest.WithBrokerConfig("connections.max.reauth.ms", "60000"))
	s := k.Settings()
	s.BootstrapServers = strings.Join(k.Servers()[:2], ",")
	report := forwarder.Diagnose(t.Context(), s)
	require.True(t, report.OK(), report)
	assert.Equal(t, int32(12), report.Partitions)

	var steps []string
	for _, c := range report.Checks {
		steps = append(steps, strings.TrimSpace(c.Step+" "+c.Target))
	}
	name := func(step string, server int) string { return step + " " + k.Servers()[server] }
	want := []string{"settings"}
	for server := range 2 {
		want = append(want, name("connect", server), name("tls", server), name("authenticate", server), name("versions", server))
	}
	want = append(want, "bootstrap", "cluster", name("broker 0 at", 0), name("broker 1 at", 1),
		name("connect", 2), name("tls", 2), name("authenticate", 2), name("versions", 2), name("broker 2 at", 2),
		`topic "events"`, `rights "events"`, "producer id",
		"topic config cleanup.policy", "topic config compression.type", "topic config max.message.bytes",
		"topic config message.timestamp.type", "topic config min.insync.replicas", "clock")
	assert.Equal(t, want, steps)

	text := report.String()
	for _, found := range []string{
		"TLS 1.3, TLS_AES_128_GCM_SHA256; certificate \"CN=localhost\" for \"localhost\", \"127.0.0.1\", \"::1\", 36",
		"user \"mparticle\" with SCRAM-SHA-512; again every 1m0s",
		"as those of Kafka 3.7; producer ids and zstd are there",
		"2 of 2 servers can be used",
		"cluster kfake, controller ",
		"leads 4 partitions",
		"12 partitions on 3 leaders, 3 replicas each, all in sync",
		"READ, WRITE, ",
		"1048588, delivery.max_message_bytes is 1000000",
		"2 of 3 replicas",
	} {
		assert.Contains(t, text, found)
	}
	assert.NotContains(t, text, "->")
	assert.Eventually(t, func() bool { return k.Connections() == 0 }, time.Minute, 10*time.Millisecond)
	assert.Zero(t, k.Requests(forwardertest.Produce))
	assert.Empty(t, k.Messages(t, s.TopicName))
	k.Close()
	goleak.VerifyNone(t, leaks, goMetrics)
}

// goMetrics is the goroutine that Sarama's library for metrics keeps for ever.
var goMetrics = goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick")

// check returns the check of a step, whose target contains a text.
func check(t *testing.T, r forwarder.Report, step, target string) forwarder.Check {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(c forwarder.Check) bool { return c.Step == step && strings.Contains(c.Target, target) })
	require.GreaterOrEqual(t, i, 0, "no check %s %s in\n%s", step, target, r)
	return r.Checks[i]
}

// TestDiagnose_servers: one server of several suffices, so that the others are
// warnings, unless they lead partitions.
func TestDiagnose_servers(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("events", 2),
		forwardertest.WithBrokerConfig("min.insync.replicas", "2"))
	s := k.Settings()
	bad := forwardertest.NewKafka(t) // with an authority that k's settings do not trust
	gone := forwardertest.NewKafka(t)
	gone.Close()
	s.BootstrapServers = strings.Join([]string{bad.Servers()[0], gone.Servers()[0], k.Servers()[0]}, ",")
	report := forwarder.Diagnose(t.Context(), s)
	assert.Equal(t, forwarder.CheckWarning, report.Status(), report)
	assert.Equal(t, "1 of 3 servers can be used", check(t, report, "bootstrap", "").Found)
	assert.Equal(t, forwarder.CheckWarning, check(t, report, "tls", bad.Servers()[0]).Status)
	assert.Equal(t, forwarder.CheckWarning, check(t, report, "connect", gone.Servers()[0]).Status)
	skipped := check(t, report, "versions", gone.Servers()[0])
	assert.Equal(t, forwarder.CheckSkipped, skipped.Status)
	assert.Equal(t, "needs connect "+gone.Servers()[0]+", which failed", skipped.Found)

	k.Unreachable(2) // leads no partition
	s.BootstrapServers = k.Servers()[0]
	report = forwarder.Diagnose(t.Context(), s)
	assert.Equal(t, forwarder.CheckWarning, report.Status(), report)
	c := check(t, report, "broker", "2 at ")
	assert.Equal(t, forwarder.CheckWarning, c.Status)
	assert.Contains(t, c.Found, "advertises broker 2, leader of no partition, at "+k.Servers()[2]+", which cannot be reached: ")

	k.Unreachable(1) // leads one
	report = forwarder.Diagnose(t.Context(), s)
	assert.Equal(t, forwarder.CheckFailed, check(t, report, "broker", "1 at ").Status)
	assert.Equal(t, forwarder.CheckOK, check(t, report, "topic", "").Status, "what can be looked at is")

	k.Leaderless("events", 1)
	c = check(t, forwarder.Diagnose(t.Context(), s), "topic", "")
	assert.Equal(t, forwarder.CheckFailed, c.Status)
	assert.Contains(t, c.Found, "without a leader: partition 1")
}

// TestDiagnose_names: each address of a name is walked to.
func TestDiagnose_names(t *testing.T) {
	k := forwardertest.NewKafka(t)
	_, port, err := net.SplitHostPort(k.Servers()[0])
	require.NoError(t, err)
	s := k.Settings()
	s.BootstrapServers = "localhost:" + port
	report := forwarder.Diagnose(t.Context(), s)
	c := check(t, report, "resolve", "localhost:"+port)
	assert.Equal(t, forwarder.CheckOK, c.Status)
	assert.Contains(t, c.Found, "127.0.0.1:"+port)
	assert.Equal(t, forwarder.CheckOK, check(t, report, "tls", "localhost:"+port+" (127.0.0.1:"+port+")").Status)
	assert.Equal(t, forwarder.CheckOK, check(t, report, "broker", "0 at 127.0.0.1:"+port).Status, "as advertised")
	replicas := check(t, report, "topic", "")
	assert.Equal(t, forwarder.CheckWarning, replicas.Status)
	assert.Contains(t, replicas.Do, "give each partition more replicas")

	var d net.Dialer
	report = forwarder.Diagnose(t.Context(), s, forwarder.WithDialer(d.DialContext))
	c = check(t, report, "resolve", "localhost:"+port)
	assert.Equal(t, forwarder.CheckSkipped, c.Status)
	assert.Equal(t, "the function of WithDialer resolves names", c.Found)
	assert.Equal(t, forwarder.CheckOK, check(t, report, "authenticate", "localhost:"+port).Status)

	s.BootstrapServers = "no..name:9093" // refused by the resolver itself
	report = forwarder.Diagnose(t.Context(), s)
	c = check(t, report, "resolve", "no..name:9093")
	assert.Equal(t, forwarder.CheckFailed, c.Status, report)
	assert.Equal(t, "needs resolve no..name:9093, which failed", check(t, report, "connect", "no..name").Found)
	assert.Contains(t, check(t, report, "bootstrap", "").Found, "no broker could be reached: no..name:9093: dial tcp: lookup no..name")
}

// TestDiagnose_certificateEnds: 30 days before its end, a certificate is a warning.
func TestDiagnose_certificateEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		ca, leaf time.Duration
		want     string
	}{
		"the server's":    {100 * 24 * time.Hour, 29 * 24 * time.Hour, `renew certificate "CN=broker" before `},
		"the authority's": {29 * 24 * time.Hour, 60 * 24 * time.Hour, `renew certificate "CN=Our CA" before `},
		"none":            {100 * 24 * time.Hour, 31 * 24 * time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, caFile := issue(t, func(ca *x509.Certificate) { ca.NotAfter = time.Now().Add(tt.ca) },
				func(c *x509.Certificate) { c.NotAfter = time.Now().Add(tt.leaf) })
			k := forwardertest.NewKafka(t, forwardertest.WithTLS(func(tc *tls.Config) { tc.Certificates = []tls.Certificate{cert} }))
			s := k.Settings()
			s.TLS.CAFile = caFile
			c := check(t, forwarder.Diagnose(t.Context(), s), "tls", "")
			assert.Equal(t, tt.want != "", c.Status == forwarder.CheckWarning)
			assert.True(t, strings.HasPrefix(c.Do, tt.want), c.Do)
			if tt.want != "" {
				assert.Contains(t, c.Found, "28 days left")
			}
		})
	}
}

// TestDiagnose_clientCertificateEnds: the client's own is looked at as well.
func TestDiagnose_clientCertificateEnds(t *testing.T) {
	const days = 24 * time.Hour
	cert, caFile := issue(t, func(ca *x509.Certificate) { ca.NotAfter = time.Now().Add(100 * days) }, func(c *x509.Certificate) {
		c.NotAfter, c.ExtKeyUsage = time.Now().Add(9*days+time.Hour), []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	pem, err := os.ReadFile(caFile)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	k := forwardertest.NewKafka(t, forwardertest.WithMethods(), forwardertest.WithClientCertificates(),
		forwardertest.WithTLS(func(tc *tls.Config) { tc.ClientCAs = pool }))
	s := k.Settings()
	s.TLS = settings.TLS{}
	c := check(t, forwarder.Diagnose(t.Context(), s, forwarder.WithTLS(&tls.Config{
		RootCAs: k.CA().Pool(), Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12,
	})), "tls", "")
	assert.Equal(t, forwarder.CheckWarning, c.Status)
	assert.Contains(t, c.Found, `; ours "CN=broker", 9 days left`)
	assert.True(t, strings.HasPrefix(c.Do, `renew certificate "CN=broker" before `), c.Do)
}

// TestDiagnose_settings: each mistake is a check, and nothing is connected.
func TestDiagnose_settings(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	s.TopicName, s.Delivery.Linger = "", -1
	report := forwarder.Diagnose(t.Context(), s)
	for _, field := range []string{"topic_name", "delivery.linger"} {
		c := check(t, report, "settings", field)
		assert.Equal(t, forwarder.CheckFailed, c.Status)
		var mistake *settings.FieldError
		require.ErrorAs(t, c.Err, &mistake)
		assert.Equal(t, mistake.Error(), c.Found)
	}
	for _, step := range []string{"resolve", "tls", "cluster", "topic", "producer id", "topic config"} {
		c := check(t, report, step, "")
		assert.Equal(t, forwarder.CheckSkipped, c.Status)
		assert.Equal(t, "needs settings, which failed", c.Found)
	}
	s = k.Settings()
	s.TLS.CAFile = "no-such-file.pem"
	c := check(t, forwarder.Diagnose(t.Context(), s), "settings", "")
	assert.Equal(t, forwarder.CheckFailed, c.Status)
	assert.Contains(t, c.Found, "no-such-file.pem")
	assert.Zero(t, k.Requests(forwardertest.Metadata))
}

// TestDiagnose_ends: with its context it returns what it has, the rest skipped.
func TestDiagnose_ends(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(2))
	k.Silence(1)
	s := k.Settings()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	report := forwarder.Diagnose(ctx, s)
	assert.Equal(t, forwarder.CheckOK, check(t, report, "tls", k.Servers()[0]).Status, "%v", report)
	assert.Contains(t, check(t, report, "tls", k.Servers()[1]).Found, "no answer to the TLS handshake")
	assert.NotEqual(t, forwarder.CheckSkipped, check(t, report, "topic", "").Status, "a silent server leaves time for the others")

	ctx, cancel = context.WithCancel(t.Context())
	s.BootstrapServers = k.Servers()[1]
	dialled := make(chan struct{})
	var d net.Dialer
	telling := forwarder.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		defer close(dialled)
		return d.DialContext(ctx, network, addr)
	})
	result := make(chan forwarder.Report)
	go func() { result <- forwarder.Diagnose(ctx, s, telling) }()
	<-dialled
	cancel()
	report = <-result
	assert.Equal(t, forwarder.CheckOK, check(t, report, "settings", "").Status)
	for _, step := range []string{"tls", "authenticate", "bootstrap", "broker", "topic config"} {
		c := check(t, report, step, "")
		assert.Equal(t, forwarder.CheckSkipped, c.Status, report)
		assert.Equal(t, "the context has ended: context canceled", c.Found)
	}
	k.Close()
	goleak.VerifyNone(t, leaks, goMetrics)
}

// TestDiagnose_endsInCallers: functions of the caller's that heed no context hold
// nothing up.
func TestDiagnose_endsInCallers(t *testing.T) {
	s := forwardertest.NewKafka(t).SettingsFor(settings.Plain)
	s.UserName, s.Password = "", settings.Secret{}
	stay := make(chan struct{})
	defer close(stay)
	for name, opts := range map[string][]forwarder.Option{
		"credentials": {forwarder.WithCredentials(func(context.Context) (string, settings.Secret, error) {
			<-stay
			return "", settings.Secret{}, context.Canceled
		})},
		"dialer": {
			forwarder.WithCredentials(func(context.Context) (string, settings.Secret, error) { return "u", settings.NewSecret("p"), nil }),
			forwarder.WithDialer(func(context.Context, string, string) (net.Conn, error) {
				<-stay
				return nil, context.Canceled
			}),
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		report := forwarder.Diagnose(ctx, s, opts...)
		cancel()
		assert.Equal(t, forwarder.CheckFailed, report.Status(), "%s: %v", name, report)
		assert.Equal(t, forwarder.CheckSkipped, check(t, report, "topic config", "").Status)
	}
}

// TestDiagnose_release: each release of Kafka is guessed by the requests that it
// knows.
func TestDiagnose_release(t *testing.T) {
	silent := map[string]string{"0.11.0": "0.11", "3.4": "3.3", "4.4": "4.3"} // the last two show nothing that those before do not
	for _, name := range kversion.VersionStrings() {
		if strings.HasPrefix(name, "v0.8") || strings.HasPrefix(name, "v0.9") || strings.HasPrefix(name, "v0.10") {
			continue // too old
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := strings.TrimPrefix(name, "v")
			if before, ok := silent[want]; ok {
				want = before
			}
			s := startDevious(t, "", answers{kmsg.ApiVersions: ofRelease(name)})
			s.Delivery.Compression = settings.Gzip
			c := check(t, forwarder.Diagnose(t.Context(), s), "versions", "")
			assert.Equal(t, "as those of Kafka "+want+"; producer ids and gzip are there", c.Found)
		})
	}
}

// TestDiagnose_credentialsFirst: what cannot be reached matters less than credentials
// that are not there.
func TestDiagnose_credentialsFirst(t *testing.T) {
	k := forwardertest.NewKafka(t)
	gone := forwardertest.NewKafka(t)
	gone.Close()
	s := k.SettingsFor(settings.Plain)
	s.UserName, s.Password = "", settings.Secret{}
	s.BootstrapServers = gone.Servers()[0] + "," + k.Servers()[0]
	var open atomic.Int64
	var d net.Dialer
	report := forwarder.Diagnose(t.Context(), s,
		forwarder.WithCredentials(func(context.Context) (string, settings.Secret, error) {
			return "", settings.Secret{}, errors.New("vault is sealed")
		}),
		forwarder.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			open.Add(1)
			return &countedConn{Conn: conn, open: &open}, nil
		}))
	assert.Contains(t, check(t, report, "credentials", "").Found, "vault is sealed")
	for _, step := range []string{"authenticate", "bootstrap", "cluster", "broker", "topic"} {
		c := check(t, report, step, map[string]string{"authenticate": k.Servers()[0]}[step])
		assert.Equal(t, forwarder.CheckSkipped, c.Status)
		assert.Equal(t, "needs credentials, which failed", c.Found)
	}
	assert.Equal(t, forwarder.CheckOK, check(t, report, "tls", k.Servers()[0]).Status, "what can be looked at is")
	assert.Zero(t, open.Load(), "connections that are of no use are closed")
}

// A countedConn takes itself off the number of open connections.
type countedConn struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// TestDiagnose_noBrokers: a server that advertises no broker.
func TestDiagnose_noBrokers(t *testing.T) {
	s := startDevious(t, "", answers{kmsg.Metadata: answering(func(_ *kmsg.MetadataRequest, resp *kmsg.MetadataResponse) {
		resp.ControllerID = -1
	})})
	report := forwarder.Diagnose(t.Context(), s)
	c := check(t, report, "cluster", "")
	assert.Equal(t, forwarder.CheckFailed, c.Status, report)
	assert.Equal(t, "no broker is advertised", c.Found)
	assert.Equal(t, "needs cluster, which failed", check(t, report, "broker", "").Found)
}
