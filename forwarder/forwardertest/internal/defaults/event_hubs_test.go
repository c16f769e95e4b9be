package defaults

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// eventHubsRequest is the request size from which on Azure Event Hubs closes
// connections, by its documentation.
const eventHubsRequest = 1_046_528

// eventHubs starts a Kafka that behaves to a producer as Azure Event Hubs is
// documented to, and as clients have reported its versions: one user with a
// connection string, SASL PLAIN, and versions of about Kafka 1.0. Its idle
// connections close after four minutes; here, sooner.
func eventHubs(t *testing.T) *forwardertest.Kafka {
	t.Helper()
	return forwardertest.NewKafka(t,
		forwardertest.WithTopic(topic, partitions),
		forwardertest.WithMethods(settings.Plain),
		forwardertest.WithUser("$ConnectionString", "Endpoint=sb://ours.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0/+="),
		forwardertest.WithMaxVersion(forwardertest.Produce, 7),
		forwardertest.WithMaxVersion(forwardertest.Metadata, 5),
		forwardertest.WithMaxVersion(forwardertest.SASLHandshake, 1),
		forwardertest.WithMaxVersion(forwardertest.SASLAuthenticate, 1),
		forwardertest.WithMaxVersion(forwardertest.InitProducerID, 1),
		forwardertest.WithIdleTimeout(500*time.Millisecond),
	)
}

func TestDefaults_eventHubs(t *testing.T) {
	k := eventHubs(t)
	limit := k.LimitRequests(eventHubsRequest)
	f := open(t, func(ctx context.Context) (*forwarder.Forwarder, error) { return forwarder.New(ctx, k.Settings()) })
	l := newLoad()
	l.everySize(t, f, 900_000)

	closed := k.IdleClosed()
	require.Eventually(t, func() bool { return k.Connections() == 0 }, patience, time.Millisecond)
	assert.Greater(t, k.IdleClosed(), closed)
	l.everySize(t, f, 900_000)
	l.check(t, k.Messages(t, topic))
	assert.Zero(t, limit.Hits(), "requests above the limit")
}

// Event Hubs knows gzip and no other codec. The default, zstd, is refused with
// the setting's name, for good or with a closed connection; with gzip all is
// well.
func TestDefaults_eventHubsCodecs(t *testing.T) {
	unknown := []settings.Compression{settings.Snappy, settings.LZ4, settings.Zstd}
	for name, refuse := range map[string]func(*forwardertest.Kafka) *forwardertest.Fault{
		"by error 43": func(k *forwardertest.Kafka) *forwardertest.Fault {
			return k.FailCodecs(topic, 43, unknown...)
		},
		"by error 76": func(k *forwardertest.Kafka) *forwardertest.Fault {
			return k.FailCodecs(topic, 76, unknown...)
		},
		"by closing": func(k *forwardertest.Kafka) *forwardertest.Fault { return k.CloseOnCodecs(unknown...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := eventHubs(t)
			refused := refuse(k)
			l := newLoad()
			f := open(t, func(ctx context.Context) (*forwarder.Forwarder, error) { return forwarder.New(ctx, k.Settings()) })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				_ = refused.Wait(ctx, 3) // at the third attempt the cause is known
				cancel()
			}()
			err := l.forward(ctx, f, []*batch.Batch{l.batch(t, 9_000, false)})[0]
			require.Error(t, err)
			assert.ErrorContains(t, err, "delivery.compression")
			assert.ErrorContains(t, err, "zstd")
			assert.False(t, forwarder.Permanent(err), "%v", err)
			require.NoError(t, f.Close())

			s := k.Settings()
			s.Delivery.Compression = settings.Gzip
			hits := refused.Hits()
			f = open(t, func(ctx context.Context) (*forwarder.Forwarder, error) { return forwarder.New(ctx, s) })
			l = newLoad()
			l.everySize(t, f, 900_000)
			assert.Equal(t, hits, refused.Hits())
		})
	}
}
