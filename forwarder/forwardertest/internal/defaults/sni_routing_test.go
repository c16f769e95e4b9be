package defaults

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A namedListener says that it is at a name and port of others' choice.
type namedListener struct {
	net.Listener
	name string
}

// Addr is what the broker advertises.
func (l namedListener) Addr() net.Addr { return namedAddr(l.name + ":443") }

type namedAddr string

func (namedAddr) Network() string  { return "tcp" }
func (a namedAddr) String() string { return string(a) }

const bootstrapName = "bootstrap.kafka.example"

// routedBySNI starts three brokers that are reached by their names at one address
// only, and that a client finds by one name.
func routedBySNI(t *testing.T) (*sniFront, settings.Settings, *tls.Config) {
	t.Helper()
	ca, err := forwardertest.NewCA()
	require.NoError(t, err)
	names := []string{"broker-0.kafka.example", "broker-1.kafka.example", "broker-2.kafka.example"}
	issued, err := ca.IssueServer(forwardertest.WithCertHosts(append(names, bootstrapName)...))
	require.NoError(t, err)
	pair, err := issued.TLS()
	require.NoError(t, err)
	servers, n := map[string]string{}, 0
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(len(names)), kfake.SeedTopics(partitions, topic), kfake.EnableSASL(),
		kfake.Superuser(string(settings.SCRAMSHA512), "user", "secret"),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			l, err := new(net.ListenConfig).Listen(t.Context(), network, "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			name := names[n]
			n++
			servers[name] = l.Addr().String()
			secured := tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
			return namedListener{secured, name}, nil
		}),
	)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	servers[bootstrapName] = servers[names[1]] // any of them
	front := newSNIFront(t, servers)
	file, err := ca.WriteFile(t.TempDir())
	require.NoError(t, err)
	return front, settings.Settings{
		BootstrapServers: bootstrapName + ":443", TopicName: topic, AuthenticationMethod: settings.SCRAMSHA512,
		UserName: "user", Password: settings.NewSecret("secret"), TLS: settings.TLS{CAFile: file},
	}, &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}
}

// users have partitions on each of the brokers.
const users = 60

func ofUser(t *testing.T, user int) *batch.Batch {
	t.Helper()
	b, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"events":[{"event_type":"custom_event"}]}`, user))
	require.NoError(t, err)
	return b
}

// Brokers behind one address that goes by the name in TLS, as Redpanda's and Strimzi's
// listeners on Kubernetes do, each get the connections that are for them, with one
// bootstrap name and no further setting.
func TestDefaults_sniRouting(t *testing.T) {
	front, s, tc := routedBySNI(t)
	f := open(t, func(ctx context.Context) (*forwarder.Forwarder, error) {
		return forwarder.New(ctx, s, forwarder.WithDialer(front.dial))
	})
	for user := range users {
		require.NoError(t, f.Forward(within(t), ofUser(t, user+1)))
	}
	require.NoError(t, f.Shutdown(t.Context()))
	names := front.names()
	for _, name := range []string{bootstrapName, "broker-0.kafka.example", "broker-1.kafka.example", "broker-2.kafka.example"} {
		assert.Positive(t, names[name], name)
	}
	assert.Len(t, names, 4, "%v", names)
	assert.Equal(t, users, readBehind(t, front, s, tc, users))
}

// readBehind reads the topic through the front until there are so many messages, and
// returns how many there are.
func readBehind(t *testing.T, front *sniFront, s settings.Settings, tc *tls.Config, atLeast int) (count int) {
	t.Helper()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.BootstrapServers), kgo.ConsumeTopics(topic),
		kgo.SASL(scram.Auth{User: s.UserName, Pass: s.Password.Reveal()}.AsSha512Mechanism()),
		kgo.Dialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
			raw, err := front.dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			own := tc.Clone()
			own.ServerName, _, err = net.SplitHostPort(addr)
			return tls.Client(raw, own), err
		}))
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for count < atLeast && ctx.Err() == nil {
		count += client.PollFetches(ctx).NumRecords()
	}
	return count
}

// tls.server_name is one name for all brokers, so the front takes each for the same:
// what is for the others waits, which is told. So it stays unset there.
func TestDefaults_sniRouting_oneNameForAll(t *testing.T) {
	front, s, _ := routedBySNI(t)
	s.TLS.ServerName = bootstrapName
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan forwarder.WaitInfo, partitions)
	f := open(t, func(start context.Context) (*forwarder.Forwarder, error) {
		return forwarder.New(start, s, forwarder.WithDialer(front.dial), forwarder.WithLogger(slog.New(slog.DiscardHandler)),
			forwarder.WithObserver(forwarder.Observer{Waiting: func(_ context.Context, w forwarder.WaitInfo) {
				select {
				case waits <- w:
				default:
				}
			}}))
	})
	errs := make(chan error, users)
	for user := range users {
		f.ForwardAsync(ctx, ofUser(t, user+1), func(err error) { errs <- err })
	}
	limit := within(t).Done()
	select {
	case err := <-errs: // those of one broker arrive
		require.NoError(t, err)
	case <-limit:
		require.Fail(t, "nothing arrives")
	}
	select {
	case w := <-waits:
		t.Log(w.Cause)
	case <-limit:
		require.Fail(t, "nothing waits")
	}
	cancel()
	failed := 0
	for range users - 1 {
		if <-errs != nil {
			failed++
		}
	}
	assert.Positive(t, failed)
	assert.Equal(t, []string{bootstrapName}, slices.Collect(maps.Keys(front.names())))
}
