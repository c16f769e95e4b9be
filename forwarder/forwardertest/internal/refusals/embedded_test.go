package refusals

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// TestReached: every method, one reachable server in any place, and nothing
// left behind.
func TestReached(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	dead := forwardertest.NewKafka(t)
	silent := forwardertest.NewKafka(t)
	dead.Close()
	silent.Silence()
	for _, m := range []settings.Method{settings.Plain, settings.SCRAMSHA256, settings.SCRAMSHA512} {
		for place := range 3 {
			servers := slices.Insert([]string{dead.Servers()[0], silent.Servers()[0]}, place, k.Servers()[place])
			s := k.SettingsFor(m)
			s.BootstrapServers = strings.Join(servers, ",")
			f, err := forwarder.New(t.Context(), s, forwarder.WithoutProbe())
			require.NoError(t, err)
			require.NoError(t, quickly(t, func() error { return f.Ping(t.Context()) }), "%s %v", m, servers)
			require.NoError(t, f.Close())
		}
	}
	assert.Eventually(t, func() bool { return k.Connections() == 0 }, time.Minute, 10*time.Millisecond)
	assert.Zero(t, k.Requests(forwardertest.Produce))
	assert.Empty(t, k.Messages(t, k.Settings().TopicName))
}

// TestReached_besideARefusal: a server that refuses counts only if no other one
// shows the topic, and if it leads none of its partitions.
func TestReached_besideARefusal(t *testing.T) {
	k := forwardertest.NewKafka(t)
	bad := forwardertest.NewKafka(t) // with an authority that k's settings do not trust
	for _, servers := range []string{bad.Servers()[0] + "," + k.Servers()[0], k.Servers()[0] + "," + bad.Servers()[0]} {
		s := k.Settings()
		s.BootstrapServers = servers
		f, err := forwarder.New(t.Context(), s)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
}

// On a slow way a refusal is early: a server that accepts has more to say.
func TestReached_longAfterARefusal(t *testing.T) {
	k, bad := forwardertest.NewKafka(t), forwardertest.NewKafka(t)
	s := k.Settings()
	s.BootstrapServers = bad.Servers()[0] + "," + k.Servers()[0]
	var dialer net.Dialer
	f, err := forwarder.New(t.Context(), s, forwarder.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		wait := 2 * time.Second
		if addr == bad.Servers()[0] {
			wait = 700 * time.Millisecond
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		return dialer.DialContext(ctx, network, addr)
	}))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestRefused(t *testing.T) {
	tests := map[string]struct {
		kafka  []forwardertest.KafkaOption
		change func(*settings.Settings)
		want   string
		is     []error
	}{
		"wrong password, PLAIN": {
			nil,
			func(s *settings.Settings) {
				s.AuthenticationMethod, s.Password = settings.Plain, settings.NewSecret("crayon")
			},
			`forwarder: SERVER refused user "mparticle" with PLAIN: wrong password, ` +
				`or the broker's jaas configuration has no user_mparticle entry, which every broker needs: ` +
				`kafka server: SASL Authentication failed: "Authentication failed: Invalid username or password"`,
			[]error{sarama.ErrSASLAuthenticationFailed},
		},
		"wrong password, SCRAM": {
			nil,
			func(s *settings.Settings) { s.Password = settings.NewSecret("crayon") },
			`forwarder: SERVER refused user "mparticle" with SCRAM-SHA-512: wrong password, ` +
				`or the user has no SCRAM-SHA-512 credential, which kafka-configs creates: kafka server: SASL Authentication failed: ` +
				`"Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512"`,
			[]error{sarama.ErrSASLAuthenticationFailed},
		},
		"mechanism not enabled": {
			[]forwardertest.KafkaOption{forwardertest.WithMethods(settings.SCRAMSHA256, settings.SCRAMSHA512)},
			func(s *settings.Settings) { s.AuthenticationMethod = settings.Plain },
			`forwarder: SERVER does not offer PLAIN to user "mparticle", it offers "SCRAM-SHA-256, SCRAM-SHA-512": ` +
				`set authentication_method to what it offers, or add the mechanism to the broker's sasl.enabled.mechanisms: ` +
				sarama.ErrUnsupportedSASLMechanism.Error(),
			[]error{sarama.ErrUnsupportedSASLMechanism},
		},
		"topic missing": {
			nil,
			func(s *settings.Settings) { s.TopicName = "evnets" },
			`forwarder: SERVER has no topic "evnets": create it, or correct topic_name: ` + sarama.ErrUnknownTopicOrPartition.Error(),
			[]error{sarama.ErrUnknownTopicOrPartition},
		},
		"plaintext listener": {
			[]forwardertest.KafkaOption{forwardertest.WithoutTLS()}, nil,
			"forwarder: SERVER closed the connection during the TLS handshake: plaintext listener? eventferry has no plaintext mode, use the broker's SSL or SASL_SSL listener: ",
			nil,
		},
		"TLS 1.1 only": {
			[]forwardertest.KafkaOption{forwardertest.WithTLS(func(tc *tls.Config) {
				tc.MinVersion, tc.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			})},
			nil,
			"forwarder: SERVER offers no TLS 1.2 or newer: add TLSv1.2 or TLSv1.3 to the broker's ssl.enabled.protocols: remote error: tls: protocol version not supported",
			nil,
		},
		"CN only": {
			[]forwardertest.KafkaOption{forwardertest.WithCertificate(forwardertest.WithCertCommonNameOnly("127.0.0.1"))}, nil,
			`forwarder: certificate of SERVER has no SAN, CN is not enough: issue it again with a SAN for "127.0.0.1": ` +
				"tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead",
			nil,
		},
		"expired": {
			[]forwardertest.KafkaOption{forwardertest.WithCertificate(forwardertest.WithCertExpired())}, nil,
			`forwarder: certificate of SERVER expired on TIME: renew it: `, nil,
		},
		"not yet valid": {
			[]forwardertest.KafkaOption{forwardertest.WithCertificate(forwardertest.WithCertNotYetValid())}, nil,
			`forwarder: certificate of SERVER is not valid before TIME: check the clocks, or renew it: `, nil,
		},
		"wrong host": {
			[]forwardertest.KafkaOption{forwardertest.WithCertificate(forwardertest.WithCertHosts("b1.example.com"))}, nil,
			`forwarder: certificate of SERVER is for "b1.example.com", not for "127.0.0.1": use a name it has, in bootstrap_servers ` +
				`and the brokers' advertised.listeners, or set tls.server_name: `,
			nil,
		},
		"TLS 1.2 only, and 1.3 asked for": {
			[]forwardertest.KafkaOption{forwardertest.WithTLS(func(tc *tls.Config) { tc.MaxVersion = tls.VersionTLS12 })},
			func(s *settings.Settings) { s.TLS.MinVersion = settings.TLS13 },
			`forwarder: SERVER offers no TLS 1.3, the oldest version to accept here: add TLSv1.3 to the broker's ssl.enabled.protocols, ` +
				`or leave tls.min_version at 1.2: `,
			nil,
		},
		"TLS handshake ended": {
			[]forwardertest.KafkaOption{forwardertest.WithTLS(func(tc *tls.Config) {
				tc.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("broken") }
			})},
			nil, `forwarder: SERVER ended the TLS handshake: remote error: tls: internal error`, nil,
		},
		"no SASL at a listener with": {
			nil, func(s *settings.Settings) { *s = withoutUser(*s) },
			`forwarder: SERVER closed the connection at the first request: SASL_SSL listener? set user_name and password, or use the broker's SSL listener: `, nil,
		},
		"client certificate missing": {
			[]forwardertest.KafkaOption{forwardertest.WithClientCertificates()},
			func(s *settings.Settings) { s.TLS.CertFile, s.TLS.KeyFile = "", "" },
			"forwarder: SERVER wants a client certificate: set tls.cert_file and tls.key_file: remote error: tls: certificate required",
			nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, tt.kafka...)
			s := k.Settings()
			if tt.change != nil {
				tt.change(&s)
			}
			refused(t, s, tt.want, tt.is...)
			assert.Eventually(t, func() bool { return k.Connections() == 0 }, time.Minute, 10*time.Millisecond)
		})
	}
}

// TestRefused_unknownAuthority: causes are found by errors.As, too.
func TestRefused_unknownAuthority(t *testing.T) {
	other, err := forwardertest.NewCA()
	require.NoError(t, err)
	k := forwardertest.NewKafka(t, forwardertest.WithIssuer(other))
	refused(t, k.Settings(), `forwarder: certificate of SERVER is signed by an authority that is not trusted ("CN=forwardertest CA"): `+
		`set tls.ca_file (file CAFILE) to the CA that issued it: tls: failed to verify certificate: x509: certificate signed by unknown authority `+
		`(possibly because of "x509: ECDSA verification failure" while trying to verify candidate authority certificate "forwardertest CA")`)
	_, err = forwarder.New(t.Context(), k.Settings())
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	assert.True(t, ok)
}

// TestRefused_closes: a broker that hangs up while it authenticates a user.
func TestRefused_closes(t *testing.T) {
	k := forwardertest.NewKafka(t)
	k.LoseAnswers(forwardertest.SASLAuthenticate, forwardertest.UntilStopped)
	refused(t, k.SettingsFor(settings.Plain), `forwarder: SERVER closed the connection while authenticating user "mparticle" with PLAIN: `+
		`wrong user name or password, mechanism not enabled, or no PlainLoginModule in the broker's jaas configuration: `)
}

// TestRefused_topic: what brokers answer when they are asked for the topic.
func TestRefused_topic(t *testing.T) {
	for code, want := range map[sarama.KError]string{
		sarama.ErrInvalidTopic: `forwarder: SERVER rejects "events" as a topic name: correct topic_name: `,
		sarama.ErrTopicAuthorizationFailed: `forwarder: SERVER does not let user "mparticle" see topic "events", if there is one: ` +
			`grant it the operations WRITE and DESCRIBE, or correct topic_name: `,
	} {
		t.Run(code.Error(), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			k.Fail(forwardertest.Metadata, int16(code), forwardertest.UntilStopped)
			refused(t, k.Settings(), want+code.Error(), code)
		})
	}
}

// TestUnreached: servers that do not answer are tried until the end.
func TestUnreached(t *testing.T) {
	const none = `forwarder: no broker could be reached: check bootstrap_servers and the network: SERVER: `
	for name, tt := range map[string]struct {
		fault func(*forwardertest.Kafka)
		want  string
	}{
		"closed port": {func(k *forwardertest.Kafka) { k.Unreachable() }, none + `dial tcp SERVER: connect: connection refused (context deadline exceeded)`},
		"silent": {
			func(k *forwardertest.Kafka) { k.Silence() },
			none + `no answer to the TLS handshake: has the listener reached its max.connections? (context deadline exceeded)`,
		},
		"no producer id yet": {
			func(k *forwardertest.Kafka) {
				k.Fail(forwardertest.InitProducerID, int16(sarama.ErrOffsetsLoadInProgress), forwardertest.UntilStopped)
			},
			`forwarder: SERVER: getting a producer id: ` + sarama.ErrOffsetsLoadInProgress.Error() + ` (context deadline exceeded)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := forwardertest.NewKafka(t)
			tt.fault(k)
			unreached(t, k.Settings(), tt.want)
		})
	}
}

// TestUnreached_silentInTLS: a server that shakes hands and then says nothing, with
// each way to begin.
func TestUnreached_silentInTLS(t *testing.T) {
	l, caFile := listenTLS(t)
	go serveEach(l, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	s := settings.Settings{BootstrapServers: l.Addr().String(), TopicName: "events", TLS: settings.TLS{CAFile: caFile}}
	const want = `forwarder: no broker could be reached: check bootstrap_servers and the network: SERVER: no answer to the first request: ` +
		`a broker that hangs, a proxy without one behind it, or a server of another kind (context deadline exceeded)`
	unreached(t, s, want)
	for _, s.AuthenticationMethod = range []settings.Method{settings.Plain, settings.SCRAMSHA512} {
		s.UserName, s.Password = "mparticle", settings.NewSecret(ourSecret)
		unreached(t, s, want)
	}
}

// TestUnreached_advertised: the server that was asked can be reached, and one
// that leads partitions cannot.
func TestUnreached_advertised(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("events", 6))
	s := k.Settings()
	s.BootstrapServers = k.Servers()[0]
	k.Unreachable(2)
	lost := k.Servers()[2]
	unreached(t, s, `forwarder: SERVER advertises broker 2, leader of partitions 2, 5, at `+lost+
		`, which cannot be reached: is it running? If it is, correct its advertised.listeners, or let this host connect to it: `+
		lost+`: dial tcp `+lost+`: connect: connection refused (context deadline exceeded)`)
}

// TestUnreached_leaderless: a topic none of whose partitions has a leader.
func TestUnreached_leaderless(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 2))
	k.Leaderless("events")
	unreached(t, k.Settings(), `forwarder: SERVER: topic "events": the topic has no partition with a leader yet (context deadline exceeded)`)
}

// TestReached_someLeaderless: partitions without a leader keep nobody from
// starting.
func TestReached_someLeaderless(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 2))
	k.Leaderless("events", 1)
	f, err := forwarder.New(t.Context(), k.Settings())
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// TestReached_whileStarting: brokers that come up while New waits are found.
func TestReached_whileStarting(t *testing.T) {
	k := forwardertest.NewKafka(t)
	down := k.Unreachable()
	attempts := make(chan struct{}, 100)
	var d net.Dialer
	result := make(chan error, 1)
	go func() {
		f, err := forwarder.New(t.Context(), k.Settings(), forwarder.WithDialer(
			func(ctx context.Context, network, addr string) (net.Conn, error) {
				attempts <- struct{}{}
				return d.DialContext(ctx, network, addr)
			}))
		if err == nil {
			err = f.Close()
		}
		result <- err
	}()
	<-attempts
	<-attempts
	down.Stop()
	assert.NoError(t, <-result)
}

func TestRunning_passwordChanged(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t)
	passwordChanged(t, k.Settings(), func(password string) { require.NoError(t, k.SetPassword(t.Context(), password)) })
}

func TestRunning_topicDeleted(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t)
	topicDeleted(t, k.Settings(), func() { require.NoError(t, k.DeleteTopic("events")) })
}
