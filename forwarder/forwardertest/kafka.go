package forwardertest

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/faultconn"
	"github.com/eventferry/eventferry/settings"
)

const (
	defaultTopic      = "events"
	defaultPartitions = 12
	defaultUserName   = "mparticle"
)

var errClosed = errors.New("forwardertest: Kafka is closed")

// A Kafka is a Kafka inside this process: brokers on ports of 127.0.0.1 that
// any client can talk to, with TLS by an authority of their own and SASL. It
// keeps messages in memory until [Kafka.Close]. Its methods may be called from
// any number of goroutines.
//
// It behaves as a broker of Kafka 3.7 without replication: whatever is
// acknowledged is on one broker, and a broker taken away loses nothing.
type Kafka struct {
	opts      kafkaOptions
	ca        *CA
	dir       string // of the files that settings name
	files     settings.TLS
	listeners []*faultconn.Listener
	answers   answers
	requests  requests

	adminPassword string

	mu      sync.RWMutex
	cluster *kfake.Cluster // nil when closed
	faults  []*Fault       // all there have been, for the count
}

// NewKafka starts a Kafka for one test and stops it with the test.
func NewKafka(t testing.TB, opts ...KafkaOption) *Kafka {
	t.Helper()
	k, err := StartKafka(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// StartKafka starts a Kafka, which takes some milliseconds. Close it when done.
// It fails if an option is wrong, or if the system lets it have no port or no
// folder for temporary files.
func StartKafka(opts ...KafkaOption) (*Kafka, error) {
	o := kafkaOptions{
		brokers:  1,
		userName: defaultUserName,
		password: rand.Text(),
		methods:  []settings.Method{settings.Plain, settings.SCRAMSHA256, settings.SCRAMSHA512},
	}
	for _, opt := range opts {
		opt.apply(&o)
	}
	if len(o.topics) == 0 {
		o.topics = []topic{{defaultTopic, defaultPartitions}}
	}
	k := &Kafka{opts: o, adminPassword: rand.Text()}
	if err := k.start(); err != nil {
		k.Close()
		return nil, fmt.Errorf("forwardertest: starting Kafka: %w", err)
	}
	return k, nil
}

func (k *Kafka) start() (err error) {
	if err := k.opts.check(); err != nil {
		return err
	}
	if k.ca, err = NewCA(); err != nil {
		return err
	}
	if k.dir, err = os.MkdirTemp("", "eventferry-test-"); err != nil {
		return err
	}
	if k.files.CAFile, err = k.ca.WriteFile(k.dir); err != nil {
		return err
	}
	tc, err := k.serverTLS()
	if err != nil {
		return err
	}
	listen := func(_, address string) (net.Listener, error) {
		l, err := faultconn.Listen(len(k.listeners), address, tc, k.opts.idleTimeout, faultconn.Hooks{
			Size: k.requests.size, Request: k.requests.refuses, Answer: k.answers.decide,
		})
		if err != nil {
			return nil, err
		}
		k.listeners = append(k.listeners, l)
		return l, nil
	}
	cluster, err := kfake.NewCluster(k.clusterOptions(listen)...)
	if err != nil {
		return err
	}
	k.cluster = cluster
	if len(k.opts.methods) > 0 {
		cluster.ControlKey(int16(kmsg.SASLHandshake), func(req kmsg.Request) (kmsg.Response, error, bool) {
			resp := k.refuseMethod(req)
			if resp == nil {
				return nil, nil, false
			}
			cluster.KeepControl()
			return resp, nil, true
		})
	}
	for _, t := range k.opts.topics {
		if err := placeLeaders(cluster, t, k.opts.brokers); err != nil {
			return err
		}
	}
	return k.Settings().Validate() // they are to be ready for use
}

func (k *Kafka) clusterOptions(listen func(network, address string) (net.Listener, error)) []kfake.Opt {
	// The newest kfake has rules that no released broker has.
	versions := kversion.V3_7_0()
	for request, version := range k.opts.maxVersions {
		versions.SetMaxKeyVersion(int16(request), version)
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(k.opts.brokers),
		kfake.ListenFn(listen),
		kfake.MaxVersions(versions),
		kfake.BrokerConfigs(k.opts.configs),
	}
	for _, t := range k.opts.topics {
		opts = append(opts, kfake.SeedTopics(t.partitions, t.name))
	}
	if len(k.opts.methods) > 0 {
		opts = append(opts, kfake.EnableSASL())
	}
	for _, m := range k.opts.methods {
		opts = append(opts,
			kfake.Superuser(string(m), k.opts.userName, k.opts.password),
			kfake.Superuser(string(m), adminName, k.adminPassword))
	}
	return opts
}

// serverTLS returns nil for plaintext.
func (k *Kafka) serverTLS() (*tls.Config, error) {
	if k.opts.plaintext {
		return nil, nil
	}
	cert, err := cmp.Or(k.opts.issuer, k.ca).IssueServer(k.opts.certificate...)
	if err != nil {
		return nil, err
	}
	pair, err := cert.TLS()
	if err != nil {
		return nil, err
	}
	tc := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if k.opts.clientCerts {
		tc.ClientAuth, tc.ClientCAs = tls.RequireAndVerifyClientCert, k.ca.Pool()
		client, err := k.ca.IssueClient(defaultUserName)
		if err != nil {
			return nil, err
		}
		if k.files.CertFile, k.files.KeyFile, err = client.WriteFiles(k.dir, "client"); err != nil {
			return nil, err
		}
	}
	if k.opts.tls != nil {
		k.opts.tls(tc)
	}
	return tc, nil
}

// refuseMethod refuses mechanisms that are not switched on. kfake knows them
// all and would fail later, without a word.
func (k *Kafka) refuseMethod(req kmsg.Request) kmsg.Response {
	r, ok := req.(*kmsg.SASLHandshakeRequest)
	if !ok || slices.Contains(k.opts.methods, settings.Method(r.Mechanism)) {
		return nil
	}
	resp := kmsg.NewPtrSASLHandshakeResponse()
	resp.Version, resp.ErrorCode = r.Version, kerr.UnsupportedSaslMechanism.Code
	for _, m := range k.opts.methods {
		resp.SupportedMechanisms = append(resp.SupportedMechanisms, string(m))
	}
	return resp
}

// placeLeaders makes runs alike: kfake chooses leaders at random.
func placeLeaders(c *kfake.Cluster, t topic, brokers int) error {
	for p := range t.partitions {
		if err := c.MoveTopicPartition(t.name, p, p%int32(brokers)); err != nil { //nolint:gosec // small
			return err
		}
	}
	return nil
}

// withCluster fails once Kafka is closed: a closed kfake never comes back from
// a call.
func (k *Kafka) withCluster(do func(*kfake.Cluster) error) error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.cluster == nil {
		return errClosed
	}
	return do(k.cluster)
}

// Close stops the brokers, cuts all connections and removes the files. It may
// be called again.
func (k *Kafka) Close() {
	k.mu.Lock()
	cluster := k.cluster
	k.cluster = nil
	k.mu.Unlock()
	for _, l := range k.listeners {
		_ = l.Close()
	}
	if cluster != nil {
		cluster.Close()
	}
	for _, l := range k.listeners {
		l.Wait()
	}
	if k.dir != "" {
		_ = os.RemoveAll(k.dir) // in the system's folder for temporary files
	}
}

// CA returns the authority that [Kafka.Settings] trust.
func (k *Kafka) CA() *CA { return k.ca }

// Servers returns the brokers' addresses, host:port, in the order of their
// node ids.
func (k *Kafka) Servers() []string {
	servers := make([]string, len(k.listeners))
	for i, l := range k.listeners {
		servers[i] = l.Addr().String()
	}
	return servers
}

// Settings are ready for use: all brokers, the first topic, the authority's
// file and the user with SCRAM-SHA-512, or with the last of [WithMethods].
func (k *Kafka) Settings() settings.Settings {
	s := settings.Settings{
		BootstrapServers: strings.Join(k.Servers(), ","),
		TopicName:        k.opts.topics[0].name,
		TLS:              k.files,
	}
	if n := len(k.opts.methods); n > 0 {
		s.AuthenticationMethod = k.opts.methods[n-1]
		s.UserName, s.Password = k.opts.userName, settings.NewSecret(k.opts.password)
	}
	return s
}

// SettingsFor are [Kafka.Settings] with another method.
func (k *Kafka) SettingsFor(m settings.Method) settings.Settings {
	s := k.Settings()
	s.AuthenticationMethod = m
	return s
}
