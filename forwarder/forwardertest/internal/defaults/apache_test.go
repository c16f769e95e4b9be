package defaults

import (
	"context"
	"crypto/tls"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

// The default settings on each version of Apache Kafka, with connections that
// the broker closes when they are idle.
func TestDefaults_apache(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	for _, version := range []string{apachekafka.Version28, apachekafka.Version35, apachekafka.Version39, apachekafka.Version43} {
		t.Run(version, func(t *testing.T) {
			k := apachekafka.New(t, apachekafka.WithVersion(version), apachekafka.WithBrokerConfig("connections.max.idle.ms", "1500"))
			require.NoError(t, k.CreateTopic(t.Context(), topic, partitions, nil))
			s := k.SettingsFor(topic, settings.Plain)
			s.AuthenticationMethod = "" // the default, which is PLAIN
			var d dialer
			f := open(t, func(ctx context.Context) (*forwarder.Forwarder, error) { return forwarder.New(ctx, s, d.option()) })
			l := newLoad()
			l.everySize(t, f, 900_000)

			before := d.dials.Load()
			outlast(t, k, s)
			l.everySize(t, f, 900_000)
			assert.Greater(t, d.dials.Load(), before, "no connection was closed")
			l.check(t, k.Messages(t, topic))
		})
	}
}

// outlast returns when the broker has closed two connections, one after the
// other, for being idle: then it has closed all that are idle longer.
func outlast(t *testing.T, k *apachekafka.Cluster, s settings.Settings) {
	t.Helper()
	tc, err := s.TLS.Config()
	require.NoError(t, err)
	d := tls.Dialer{Config: tc}
	for range 2 {
		c, err := d.DialContext(within(t), "tcp", k.Servers(apachekafka.ListenerSASL)[0])
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, c) // its end is an orderly close or a reset
		require.NoError(t, c.Close())
	}
}
