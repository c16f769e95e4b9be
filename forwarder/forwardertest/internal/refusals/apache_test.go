package refusals

import (
	"crypto/tls"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

const (
	half      = "half"   // has a password for SCRAM-SHA-512 only, and no rights
	reader    = "reader" // may read the topic
	writer    = "writer" // may write to it
	ourSecret = "pencil"
)

// apacheKafkaRan is set once Apache Kafka's refusals have been looked at.
var apacheKafkaRan atomic.Bool

// apache is one broker that goes wrong in as many ways as it has listeners.
type apache struct {
	*apachekafka.Cluster
	caFile string // of the listeners' own certificates
}

func startApache(t *testing.T, version string) apache {
	ca, err := forwardertest.NewCA()
	require.NoError(t, err)
	caFile, err := ca.WriteFile(t.TempDir())
	require.NoError(t, err)
	other, err := forwardertest.NewCA()
	require.NoError(t, err)

	opts := []apachekafka.Option{apachekafka.WithVersion(version), apachekafka.WithACLs()}
	for _, user := range []string{half, reader, writer} {
		opts = append(opts, apachekafka.WithUser(user, ourSecret, settings.SCRAMSHA512))
	}
	for name, l := range map[string]struct {
		issuer *forwardertest.CA
		option forwardertest.CertOption
	}{
		"EXPIRED":   {ca, forwardertest.WithCertExpired()},
		"FUTURE":    {ca, forwardertest.WithCertNotYetValid()},
		"WRONGHOST": {ca, forwardertest.WithCertHosts("b1.example.com", "b2.example.com")},
		"CNONLY":    {ca, forwardertest.WithCertCommonNameOnly("127.0.0.1")},
		"UNKNOWNCA": {other, forwardertest.WithCertHosts("127.0.0.1")},
	} {
		cert, err := l.issuer.IssueServer(l.option)
		require.NoError(t, err)
		opts = append(opts, apachekafka.WithListener(apachekafka.Listener{Name: name, Certificate: cert}))
	}
	// Java 17 has TLS 1.1, but switched off for all listeners.
	opts = append(opts, apachekafka.WithJavaSecurity("jdk.tls.disabledAlgorithms", "SSLv3, RC4, MD5withRSA, NULL"))
	tls12 := map[string]string{"ssl.protocol": "TLSv1.2", "ssl.enabled.protocols": "TLSv1.2"}
	mutual12 := maps.Clone(tls12)
	mutual12["ssl.client.auth"] = "required"
	for _, l := range []apachekafka.Listener{
		{Name: "TLS11", Properties: map[string]string{"ssl.protocol": "TLSv1.1", "ssl.enabled.protocols": "TLSv1.1"}},
		{Name: "TLS12", Properties: tls12},
		{Name: "MTLS12", Protocol: "SSL", Properties: mutual12},
		{Name: "SCRAMONLY", Properties: map[string]string{"sasl.enabled.mechanisms": "SCRAM-SHA-512"}},
		{Name: "LOST", Advertised: "127.0.0.1:1"},
		{Name: "FULL", Properties: map[string]string{"max.connections": "2"}},
	} {
		opts = append(opts, apachekafka.WithListener(l))
	}
	a := apache{apachekafka.New(t, opts...), caFile}
	require.NoError(t, a.CreateTopic(t.Context(), "events", 3, nil))
	require.NoError(t, a.Grant(t.Context(), reader, "events", kadm.OpRead, kadm.OpDescribe))
	require.NoError(t, a.Grant(t.Context(), writer, "events", kadm.OpWrite))
	return a
}

// at is a user with a method at a listener.
func (a apache) at(listener, user, password string, m settings.Method) settings.Settings {
	s := a.SettingsFor("events", m)
	s.BootstrapServers = strings.Join(a.Servers(listener), ",")
	s.UserName, s.Password = user, settings.NewSecret(password)
	return s
}

// spoiled is a listener with a certificate of its own.
func (a apache) spoiled(listener string) settings.Settings {
	s := a.at(listener, writer, ourSecret, settings.SCRAMSHA512)
	s.TLS.CAFile = a.caFile
	return s
}

func TestApacheKafka(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	for _, version := range []string{apachekafka.Version39, apachekafka.Version43} {
		t.Run(version, func(t *testing.T) {
			a := startApache(t, version)
			t.Run("reached", func(t *testing.T) { a.reached(t) })
			t.Run("diagnosed", func(t *testing.T) { a.diagnosed(t, version) })
			t.Run("min.insync.replicas above the replicas", func(t *testing.T) { a.minInSyncAboveReplicas(t) })
			t.Run("credentials", func(t *testing.T) { a.credentials(t) })
			t.Run("rights", func(t *testing.T) { a.rights(t) })
			t.Run("listeners", func(t *testing.T) { a.listeners(t) })
			t.Run("certificates", func(t *testing.T) { a.certificates(t) })
			t.Run("client certificates", func(t *testing.T) { a.clientCertificates(t) })
			t.Run("advertised", func(t *testing.T) { a.advertised(t) })
			t.Run("full", func(t *testing.T) { a.full(t) })
			t.Run("running", func(t *testing.T) { a.running(t) })
			apacheKafkaRan.Store(true)
		})
	}
}

// reached: every way in that is open. The right to write suffices.
func (a apache) reached(t *testing.T) {
	for name, s := range map[string]settings.Settings{
		"PLAIN":         a.SettingsFor("events", settings.Plain),
		"SCRAM-SHA-256": a.SettingsFor("events", settings.SCRAMSHA256),
		"SCRAM-SHA-512": a.SettingsFor("events", settings.SCRAMSHA512),
		"TLS":           a.SettingsTLS("events"),
		"writer":        a.at(apachekafka.ListenerSASL, writer, ourSecret, settings.SCRAMSHA512),
	} {
		f, err := forwarder.New(t.Context(), s)
		if assert.NoError(t, err, name) {
			assert.NoError(t, f.Ping(t.Context()), name)
			assert.NoError(t, f.Close(), name)
		}
	}
}

func (a apache) credentials(t *testing.T) {
	const sasl = apachekafka.ListenerSASL
	scram := func(user string, m settings.Method) string {
		return `forwarder: SERVER refused user "` + user + `" with ` + string(m) + `: wrong password, or the user has no ` + string(m) +
			` credential, which kafka-configs creates: kafka server: SASL Authentication failed: ` +
			`"Authentication failed during authentication due to invalid credentials with SASL mechanism ` + string(m) + `"`
	}
	plain := func(user string) string {
		return `forwarder: SERVER refused user "` + user + `" with PLAIN: wrong password, or the broker's jaas configuration has no user_` + user +
			` entry, which every broker needs; it also offers "SCRAM-SHA-256, SCRAM-SHA-512": ` +
			`set authentication_method if the user has a password for that: kafka server: SASL Authentication failed: ` +
			`"Authentication failed: Invalid username or password"`
	}
	for name, tt := range map[string]struct {
		settings settings.Settings
		want     string
	}{
		"wrong password, PLAIN":                 {a.at(sasl, "mparticle", "crayon", settings.Plain), plain("mparticle")},
		"wrong password, SCRAM-SHA-256":         {a.at(sasl, "mparticle", "crayon", settings.SCRAMSHA256), scram("mparticle", settings.SCRAMSHA256)},
		"wrong password, SCRAM-SHA-512":         {a.at(sasl, "mparticle", "crayon", settings.SCRAMSHA512), scram("mparticle", settings.SCRAMSHA512)},
		"user without credential for mechanism": {a.at(sasl, half, ourSecret, settings.SCRAMSHA256), scram(half, settings.SCRAMSHA256)},
		"PLAIN user missing":                    {a.at(sasl, half, ourSecret, settings.Plain), plain(half)},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, tt.settings, tt.want, sarama.ErrSASLAuthenticationFailed)
		})
	}
	t.Run("mechanism not enabled", func(t *testing.T) {
		refused(t, a.at("SCRAMONLY", "mparticle", "crayon", settings.Plain),
			`forwarder: SERVER does not offer PLAIN to user "mparticle", it offers "SCRAM-SHA-512": set authentication_method to what it offers, `+
				`or add the mechanism to the broker's sasl.enabled.mechanisms: `+sarama.ErrUnsupportedSASLMechanism.Error(),
			sarama.ErrUnsupportedSASLMechanism)
	})
}

func (a apache) rights(t *testing.T) {
	const sasl = apachekafka.ListenerSASL
	missing := a.Settings("evnets")
	foreign := a.at(sasl, writer, ourSecret, settings.SCRAMSHA512)
	foreign.TopicName = "evnets"
	denied := sarama.ErrTopicAuthorizationFailed
	for name, tt := range map[string]struct {
		settings settings.Settings
		want     string
		is       sarama.KError
	}{
		"topic missing": {
			missing,
			`forwarder: SERVER has no topic "evnets": create it, or correct topic_name: ` + sarama.ErrUnknownTopicOrPartition.Error(),
			sarama.ErrUnknownTopicOrPartition,
		},
		"topic missing, for a user without rights on it": {
			foreign,
			`forwarder: SERVER does not let user "writer" see topic "evnets", if there is one: grant it the operations WRITE and DESCRIBE, or correct topic_name: ` + denied.Error(),
			denied,
		},
		"no ACL": {
			a.at(sasl, half, ourSecret, settings.SCRAMSHA512),
			`forwarder: SERVER does not let user "half" see topic "events", if there is one: grant it the operations WRITE and DESCRIBE, or correct topic_name: ` + denied.Error(),
			denied,
		},
		"may read only": {
			a.at(sasl, reader, ourSecret, settings.SCRAMSHA512),
			`forwarder: SERVER does not let user "reader" write to topic "events": grant it the operation WRITE: ` + denied.Error(),
			denied,
		},
		"no ACL for a certificate": {
			a.SettingsMTLS("events"),
			`forwarder: SERVER does not let client certificate "CN=eventferry" see topic "events", if there is one: grant it the operations WRITE and DESCRIBE, or correct topic_name: ` + denied.Error(),
			denied,
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, tt.settings, tt.want, tt.is)
		})
	}
}

func (a apache) listeners(t *testing.T) {
	for name, tt := range map[string]struct {
		settings settings.Settings
		want     string
	}{
		"plaintext": {
			a.at(apachekafka.ListenerInternal, "mparticle", ourSecret, settings.SCRAMSHA512),
			"forwarder: SERVER closed the connection during the TLS handshake: plaintext listener? eventferry has no plaintext mode, use the broker's SSL or SASL_SSL listener: EOF",
		},
		"SASL at a listener without": {
			a.at(apachekafka.ListenerTLS, "mparticle", ourSecret, settings.SCRAMSHA512),
			`forwarder: SERVER does not authenticate users, but user "mparticle" is set: use the broker's SASL_SSL listener, or leave user_name empty: ` + sarama.ErrIllegalSASLState.Error(),
		},
		"no SASL at a listener with": {
			func() settings.Settings {
				s := a.SettingsTLS("events")
				s.BootstrapServers = a.Servers(apachekafka.ListenerSASL)[0]
				return s
			}(),
			"forwarder: SERVER closed the connection at the first request: SASL_SSL listener? set user_name and password, or use the broker's SSL listener: EOF",
		},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tt.settings, tt.want) })
	}
}

func (a apache) certificates(t *testing.T) {
	a.offersTLS11(t)
	tls13 := a.at("TLS12", writer, ourSecret, settings.SCRAMSHA512)
	tls13.TLS.MinVersion = settings.TLS13
	for name, tt := range map[string]struct {
		settings settings.Settings
		want     string
	}{
		"unknown CA": {a.spoiled("UNKNOWNCA"), `forwarder: certificate of SERVER is signed by an authority that is not trusted ("CN=forwardertest CA"): set tls.ca_file (file CAFILE) to the CA that issued it: `},
		"expired": {a.spoiled("EXPIRED"), `forwarder: certificate of SERVER expired on TIME: renew it: ` +
			`tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time TIME is after TIME`},
		"not yet valid": {a.spoiled("FUTURE"), `forwarder: certificate of SERVER is not valid before TIME: check the clocks, or renew it: ` +
			`tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time TIME is before TIME`},
		"wrong host": {
			a.spoiled("WRONGHOST"),
			`forwarder: certificate of SERVER is for "b1.example.com", "b2.example.com", not for "127.0.0.1": use a name it has, in bootstrap_servers and the brokers' ` +
				`advertised.listeners, or set tls.server_name: tls: failed to verify certificate: x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs`,
		},
		"TLS 1.1 only": {
			a.at("TLS11", writer, ourSecret, settings.SCRAMSHA512),
			`forwarder: SERVER offers no TLS 1.2 or newer: add TLSv1.2 or TLSv1.3 to the broker's ssl.enabled.protocols: ` +
				`remote error: tls: protocol version not supported`,
		},
		"TLS 1.2 only, and 1.3 asked for": {
			tls13,
			`forwarder: SERVER offers no TLS 1.3, the oldest version to accept here: add TLSv1.3 to the broker's ssl.enabled.protocols, ` +
				`or leave tls.min_version at 1.2: remote error: tls: protocol version not supported`,
		},
		"CN only": {
			a.spoiled("CNONLY"),
			`forwarder: certificate of SERVER has no SAN, CN is not enough: issue it again with a SAN for "127.0.0.1": ` +
				`tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead`,
		},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tt.settings, tt.want) })
	}
}

// offersTLS11: a listener that offers nothing at all would be refused alike.
func (a apache) offersTLS11(t *testing.T) {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{
		RootCAs: a.CA().Pool(), MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11, //nolint:gosec // that is the question
	}}
	conn, err := d.DialContext(t.Context(), "tcp", a.Servers("TLS11")[0])
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

// clientCertificates: with TLS 1.3 the broker's verdict comes after the
// handshake.
func (a apache) clientCertificates(t *testing.T) {
	ca, err := forwardertest.NewCA()
	require.NoError(t, err)
	cert, err := ca.IssueClient("stranger")
	require.NoError(t, err)
	certFile, keyFile, err := cert.WriteFiles(t.TempDir(), "stranger")
	require.NoError(t, err)
	for version, listener := range map[string]string{"TLS 1.3": apachekafka.ListenerMTLS, "TLS 1.2": "MTLS12"} {
		s := a.SettingsMTLS("events")
		s.BootstrapServers = a.Servers(listener)[0]
		s.TLS.CertFile, s.TLS.KeyFile = "", ""
		t.Run("missing, "+version, func(t *testing.T) {
			refused(t, s, "forwarder: SERVER wants a client certificate: set tls.cert_file and tls.key_file: remote error: tls: bad certificate")
		})
		s.TLS.CertFile, s.TLS.KeyFile = certFile, keyFile
		t.Run("wrong, "+version, func(t *testing.T) {
			refused(t, s, `forwarder: SERVER refused the client certificate ("CN=stranger") (file CERTFILE): check its validity, `+
				`and that the broker's trust store has its CA: remote error: tls: unknown certificate`)
		})
	}
}

func (a apache) advertised(t *testing.T) {
	s := a.at("LOST", writer, ourSecret, settings.SCRAMSHA512)
	unreached(t, s, `forwarder: SERVER advertises broker 1, leader of partitions 0, 1, 2, at 127.0.0.1:1, which cannot be reached: `+
		`is it running? If it is, correct its advertised.listeners, or let this host connect to it: `+
		`127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused (context deadline exceeded)`)
}

// full: a listener whose connections are all taken accepts no other one until one
// of them ends (KIP-402), and the text names the limit.
func (a apache) full(t *testing.T) {
	s := a.at("FULL", writer, ourSecret, settings.SCRAMSHA512)
	d := tls.Dialer{Config: &tls.Config{RootCAs: a.CA().Pool(), MinVersion: tls.VersionTLS12}}
	for range 2 {
		conn, err := d.DialContext(t.Context(), "tcp", s.Servers()[0])
		require.NoError(t, err)
		defer conn.Close()
	}
	unreached(t, s, `forwarder: no broker could be reached: check bootstrap_servers and the network: SERVER: `+
		`no answer to the TLS handshake: has the listener reached its max.connections? (context deadline exceeded)`)
}

// running: what was right at the start and is wrong later.
func (a apache) running(t *testing.T) {
	t.Run("password changed", func(t *testing.T) {
		t.Parallel()
		passwordChanged(t, a.at(apachekafka.ListenerSASL, writer, ourSecret, settings.SCRAMSHA512), func(password string) {
			require.NoError(t, a.SetPassword(t.Context(), writer, password, settings.SCRAMSHA512))
		})
	})
	t.Run("topic deleted", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, a.CreateTopic(t.Context(), "short-lived", 1, nil))
		topicDeleted(t, a.Settings("short-lived"), func() { require.NoError(t, a.DeleteTopic(t.Context(), "short-lived")) })
	})
	t.Run("right withdrawn", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, a.CreateTopic(t.Context(), "guarded", 1, nil))
		require.NoError(t, a.Grant(t.Context(), reader, "guarded", kadm.OpWrite))
		s := a.at(apachekafka.ListenerSASL, reader, ourSecret, settings.SCRAMSHA512)
		s.TopicName = "guarded"
		withdraw := func() { require.NoError(t, a.Revoke(t.Context(), reader, "guarded", kadm.OpWrite)) }
		grant := func() { require.NoError(t, a.Grant(t.Context(), reader, "guarded", kadm.OpWrite)) }
		rightWithdrawn(t, s, withdraw, grant)
		rightWithdrawnAtOnce(t, s, withdraw)
	})
}
