package apachekafka_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

func TestApacheKafka_oldVersions(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	for _, version := range []string{apachekafka.Version28, apachekafka.Version35} {
		t.Run(version, func(t *testing.T) {
			k := apachekafka.New(t, apachekafka.WithVersion(version), apachekafka.WithACLs(),
				apachekafka.WithUser("ann", "ann-secret", settings.Plain, settings.SCRAMSHA256),
				apachekafka.WithUser(oddName, oddPassword, settings.Plain),
				apachekafka.WithUser("odd", oddPassword, settings.SCRAMSHA256, settings.SCRAMSHA512))
			require.NoError(t, k.CreateTopic(t.Context(), "events", 3, nil))
			for _, m := range []settings.Method{settings.Plain, settings.SCRAMSHA256, settings.SCRAMSHA512} {
				_, err := forwardertest.Read(t.Context(), k.SettingsFor("events", m))
				require.NoError(t, err, m)
			}
			t.Run("odd users", func(t *testing.T) { oddUsers(t, k) })
			t.Run("access", func(t *testing.T) { access(t, k) })
			before := len(k.Messages(t, "events"))
			require.NoError(t, k.Restart(t.Context(), 1))
			require.NoError(t, produce(t, k.Settings("events"), &kgo.Record{Key: []byte("1"), Value: []byte("{}")}))
			require.Len(t, k.Messages(t, "events"), before+1)
			_, err := k.JavaMessages(t.Context(), "events", before+1)
			require.NoError(t, err)
		})
	}
}
