package apachekafka_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

func eachVersion(t *testing.T, f func(*testing.T, string)) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	for _, version := range []string{apachekafka.Version39, apachekafka.Version43} {
		t.Run(version, func(t *testing.T) { f(t, version) })
	}
}

// produce writes records with franz-go to where s points.
func produce(t *testing.T, s settings.Settings, records ...*kgo.Record) error {
	t.Helper()
	opts, err := forwardertest.ClientOptions(s)
	require.NoError(t, err)
	client, err := kgo.NewClient(append(opts, kgo.DefaultProduceTopic(s.TopicName))...)
	require.NoError(t, err)
	defer client.Close()
	return client.ProduceSync(t.Context(), records...).FirstErr()
}

// Everything that one broker can do, on one broker: a start is dear.
func TestApacheKafka_oneBroker(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		k := apachekafka.New(t, apachekafka.WithVersion(version), apachekafka.WithACLs(),
			apachekafka.WithUser("ann", "ann-secret", settings.Plain, settings.SCRAMSHA256),
			apachekafka.WithUser(oddName, oddPassword, settings.Plain),
			apachekafka.WithUser("odd", oddPassword, settings.SCRAMSHA256, settings.SCRAMSHA512))
		assert.Equal(t, version, k.Version())
		require.NoError(t, k.CreateTopic(t.Context(), "events", 3, map[string]string{"max.message.bytes": "100000"}))

		t.Run("listeners", func(t *testing.T) {
			for name, s := range map[string]settings.Settings{
				"PLAIN":         k.SettingsFor("events", settings.Plain),
				"SCRAM-SHA-256": k.SettingsFor("events", settings.SCRAMSHA256),
				"SCRAM-SHA-512": k.Settings("events"),
				"TLS":           k.SettingsTLS("events"),
				"mTLS":          k.SettingsMTLS("events"),
			} {
				assert.NoError(t, s.Validate(), name)
				_, err := forwardertest.Read(t.Context(), s)
				if name == "mTLS" { // a user by its certificate, with no rights
					assert.ErrorIs(t, err, kerr.TopicAuthorizationFailed, name)
					continue
				}
				assert.NoError(t, err, name)
			}
		})
		t.Run("odd users", func(t *testing.T) { oddUsers(t, k) })
		t.Run("read back", func(t *testing.T) { readBack(t, k) })
		t.Run("Java's partitions", func(t *testing.T) { javaPartitions(t, k) })
		t.Run("access", func(t *testing.T) { access(t, k) })
		t.Run("passwords", func(t *testing.T) { passwords(t, k) })
	})
}

// What is of no meaning to SASL and of some to the files that Kafka reads.
const (
	oddName     = `J. "odd" Müller\=;`
	oddPassword = " \"p\\ä;,=]}'${x}#! \n☃😀\t"
)

func oddUsers(t *testing.T, k *apachekafka.Cluster) {
	for m, name := range map[settings.Method]string{settings.Plain: oddName, settings.SCRAMSHA256: "odd", settings.SCRAMSHA512: "odd"} {
		s := k.SettingsFor("events", m)
		s.UserName, s.Password = name, settings.NewSecret(oddPassword)
		assert.NoError(t, ping(t, s), m)
		s.Password = settings.NewSecret(oddPassword + "?")
		assert.ErrorIs(t, ping(t, s), kerr.SaslAuthenticationFailed, m)
	}
}

// ping logs in with franz-go.
func ping(t *testing.T, s settings.Settings) error {
	t.Helper()
	opts, err := forwardertest.ClientOptions(s)
	require.NoError(t, err)
	client, err := kgo.NewClient(opts...)
	require.NoError(t, err)
	defer client.Close()
	return client.Ping(t.Context())
}

// readBack writes what JSON messages can differ in and reads it both ways.
func readBack(t *testing.T, k *apachekafka.Cluster) {
	headers := []kgo.RecordHeader{{Key: "a", Value: []byte("1/2")}, {Key: "b", Value: []byte("x")}}
	require.NoError(t, produce(t, k.Settings("events"),
		&kgo.Record{Value: []byte(`{"none":1}`)},
		&kgo.Record{Key: []byte{}, Value: []byte("empty")},
		&kgo.Record{Key: []byte("-12"), Value: []byte("{\"snow\": \"\u2603\"}"), Headers: headers},
		&kgo.Record{Key: []byte("-12"), Value: []byte("second")},
	))
	read := k.Messages(t, "events")
	require.Len(t, read, 4)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	byJava, err := k.JavaMessages(ctx, "events", 4)
	require.NoError(t, err)
	for i := range read {
		assert.WithinDuration(t, time.Now(), read[i].Timestamp, time.Minute)
		read[i].Timestamp = byJava[i].Timestamp
	}
	assert.Equal(t, read, byJava)
}

func javaPartitions(t *testing.T, k *apachekafka.Cluster) {
	var keys []string
	want := map[string]int32{}
	for i := range 100 {
		key := fmt.Sprint((int64(i) - 50) * 71777214294589695)
		keys = append(keys, key)
		want[key] = partition.Murmur2([]byte(key), 12)
	}
	got, err := k.JavaPartitions(t.Context(), "twin", 12, keys)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func access(t *testing.T, k *apachekafka.Cluster) {
	s := k.SettingsFor("events", settings.Plain)
	s.UserName, s.Password = "ann", settings.NewSecret("ann-secret")
	record := &kgo.Record{Key: []byte("1"), Value: []byte("{}")}
	require.Error(t, produce(t, s, record))
	rights := []kadm.ACLOperation{kadm.OpWrite, kadm.OpDescribe}
	require.NoError(t, k.Grant(t.Context(), "ann", "events", rights...))
	require.NoError(t, produce(t, s, record))
	require.NoError(t, k.Revoke(t.Context(), "ann", "events", rights...))
	require.Error(t, produce(t, s, record))
	require.Error(t, k.Revoke(t.Context(), "ann", "events", rights...))
}

func passwords(t *testing.T, k *apachekafka.Cluster) {
	s := k.SettingsFor("events", settings.SCRAMSHA512)
	s.UserName, s.Password = "ann", settings.NewSecret("new-secret")
	require.ErrorIs(t, ping(t, s), kerr.SaslAuthenticationFailed)
	require.NoError(t, k.SetPassword(t.Context(), "ann", "new-secret", settings.SCRAMSHA512))
	assert.Eventually(t, func() bool { return ping(t, s) == nil }, time.Minute, 50*time.Millisecond)
	require.NoError(t, k.RemovePassword(t.Context(), "ann", settings.SCRAMSHA512))
	assert.Eventually(t, func() bool { return ping(t, s) != nil }, time.Minute, 50*time.Millisecond)
	require.Error(t, k.SetPassword(t.Context(), "ann", "new-secret", settings.Plain))
}
