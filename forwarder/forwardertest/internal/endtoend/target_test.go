package endtoend

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

// otherName is the only host in the certificate of the listener for which
// tls.server_name is needed.
const otherName = "kafka.example.com"

// A target is a Kafka that everything here runs against.
type target struct {
	// create makes a topic; limit is its max.message.bytes, 0 for Kafka's own.
	create func(t *testing.T, topic string, partitions int32, limit string)
	// ways are ready settings by the way in, but for the topic.
	ways map[string]settings.Settings
	// java reads and writes with Java's clients; nil where there is none.
	java *apachekafka.Cluster
}

// The ways in.
const (
	tlsOnly   = "TLS"
	mutualTLS = "mTLS"
	named     = "server name"
)

func methods() []settings.Method {
	return []settings.Method{settings.Plain, settings.SCRAMSHA256, settings.SCRAMSHA512}
}

// TestEndToEnd starts each Kafka once: Apache Kafka takes seconds.
func TestEndToEnd(t *testing.T) {
	for _, k := range []struct {
		name  string
		start func(*testing.T) target
	}{
		{"embedded", embedded},
		{"Apache " + apachekafka.Version39, apache(apachekafka.Version39)},
		{"Apache " + apachekafka.Version43, apache(apachekafka.Version43)},
	} {
		t.Run(k.name, func(t *testing.T) {
			kafka := k.start(t)
			t.Run("ways in", kafka.waysIn)
			t.Run("files", kafka.files)
			t.Run("environment", kafka.environment)
			t.Run("dead servers", kafka.deadServers)
			t.Run("compression", kafka.compression)
			t.Run("partitions", kafka.partitions)
			t.Run("order", kafka.order)
			t.Run("keyless spread", kafka.spread)
			t.Run("switches", kafka.switches)
			t.Run("eventless", kafka.eventless)
			t.Run("one message per event", kafka.onePerEvent)
			t.Run("split", kafka.split)
			t.Run("headers", kafka.headers)
			t.Run("samples", kafka.samples)
		})
	}
}

// embedded is four of them, as each has one way in.
func embedded(t *testing.T) target {
	named1, err := forwardertest.StartKafka(forwardertest.WithCertificate(forwardertest.WithCertHosts(otherName)))
	require.NoError(t, err)
	t.Cleanup(named1.Close)
	sasl := forwardertest.NewKafka(t)
	open := forwardertest.NewKafka(t, forwardertest.WithMethods())
	mutual := forwardertest.NewKafka(t, forwardertest.WithMethods(), forwardertest.WithClientCertificates())
	k := target{ways: map[string]settings.Settings{
		tlsOnly: open.Settings(), mutualTLS: mutual.Settings(), named: withName(named1.Settings()),
	}}
	for _, m := range methods() {
		k.ways[string(m)] = sasl.SettingsFor(m)
	}
	k.create = func(t *testing.T, topic string, partitions int32, _ string) {
		for _, one := range []*forwardertest.Kafka{sasl, open, mutual, named1} {
			require.NoError(t, one.CreateTopic(topic, partitions))
		}
	}
	return k
}

func apache(version string) func(*testing.T) target {
	return func(t *testing.T) target {
		if testing.Short() {
			t.Skip("starts Apache Kafka, and -short is set")
		}
		ca, err := forwardertest.NewCA()
		require.NoError(t, err)
		caFile, err := ca.WriteFile(t.TempDir())
		require.NoError(t, err)
		certificate, err := ca.IssueServer(forwardertest.WithCertHosts(otherName))
		require.NoError(t, err)
		c := apachekafka.New(t, apachekafka.WithVersion(version),
			apachekafka.WithListener(apachekafka.Listener{Name: "NAMED", Certificate: certificate}))
		k := target{java: c, ways: map[string]settings.Settings{
			tlsOnly: c.SettingsTLS(""), mutualTLS: c.SettingsMTLS(""),
		}}
		for _, m := range methods() {
			k.ways[string(m)] = c.SettingsFor("", m)
		}
		s := withName(c.Settings(""))
		s.BootstrapServers, s.TLS.CAFile = strings.Join(c.Servers("NAMED"), ","), caFile
		k.ways[named] = s
		k.create = func(t *testing.T, topic string, partitions int32, limit string) {
			var configs map[string]string
			if limit != "" {
				configs = map[string]string{"max.message.bytes": limit}
			}
			require.NoError(t, c.CreateTopic(within(t, 20*time.Second), topic, partitions, configs))
		}
		return k
	}
}

func withName(s settings.Settings) settings.Settings {
	s.TLS.ServerName = otherName
	return s
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// settings make a topic for the test and reach it the strictest way.
func (k target) settings(t *testing.T, partitions int32) settings.Settings {
	return k.settingsWithLimit(t, partitions, "")
}

func (k target) settingsWithLimit(t *testing.T, partitions int32, limit string) settings.Settings {
	t.Helper()
	s := k.ways[string(settings.SCRAMSHA512)]
	s.TopicName = topicName(t)
	k.create(t, s.TopicName, partitions, limit)
	return s
}

// topicName makes a topic's name of the test's: what Kafka does not allow in
// one becomes a dash.
func topicName(t *testing.T) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '.' || r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z') {
			return r
		}
		return '-'
	}, t.Name())
}

// start makes a forwarder that ends with the test.
func start(t *testing.T, s settings.Settings, opts ...forwarder.Option) *forwarder.Forwarder {
	t.Helper()
	quiet := forwarder.WithLogger(slog.New(slog.DiscardHandler))
	f, err := forwarder.New(within(t, 20*time.Second), s, append([]forwarder.Option{quiet}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func parse(t *testing.T, text string) *batch.Batch {
	t.Helper()
	b, err := batch.Parse([]byte(text))
	require.NoError(t, err)
	return b
}

// forward forwards batches, all of which must be acknowledged.
func forward(t *testing.T, f *forwarder.Forwarder, texts ...string) {
	t.Helper()
	var batches []*batch.Batch
	for _, text := range texts {
		batches = append(batches, parse(t, text))
	}
	for i, err := range f.ForwardAll(within(t, 30*time.Second), batches) {
		require.NoError(t, err, "batch %d", i)
	}
}

// read reads the topic back with franz-go, by the same way in.
func read(t *testing.T, s settings.Settings) []forwardertest.Message {
	t.Helper()
	messages, err := forwardertest.Read(within(t, 30*time.Second), s)
	require.NoError(t, err)
	for i, m := range messages {
		require.WithinDuration(t, time.Now(), m.Timestamp, 5*time.Minute)
		if i > 0 && m.Partition == messages[i-1].Partition {
			require.False(t, m.Timestamp.Before(messages[i-1].Timestamp), "timestamps go back within a partition")
		}
	}
	return messages
}

// values are the messages' values, sorted.
func values(messages []forwardertest.Message) []string {
	texts := make([]string, len(messages))
	for i, m := range messages {
		texts[i] = string(m.Value)
	}
	slices.Sort(texts)
	return texts
}
