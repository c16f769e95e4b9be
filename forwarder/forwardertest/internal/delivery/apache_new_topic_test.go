package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// apacheNewTopic: brokers hear of a new topic a moment after the controller has
// answered that it is there. New may be called at once.
func apacheNewTopic(t *testing.T, k *apachekafka.Cluster) {
	client, err := k.InternalClient()
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	ctx := within(t, 3*time.Minute)
	servers := k.Servers(apachekafka.ListenerSASL)
	for i := range 10 {
		l := ledger{topic: fmt.Sprint("new-", i)}
		s := k.Settings(l.topic)
		s.BootstrapServers = servers[i%len(servers)]
		created, err := admin.CreateTopic(ctx, 6, 3, nil, l.topic) // k's waits until all is ready
		require.NoError(t, err)
		require.NoError(t, created.Err)
		f, err := forwarder.New(within(t, 30*time.Second), s, quiet())
		require.NoError(t, err, "topic %s at %s", l.topic, s.BootstrapServers)
		for user := range int64(20) {
			l.send(ctx, t, f, user+1, 10)
		}
		require.NoError(t, f.Shutdown(ctx))
		require.Equal(t, tally{acknowledged: 20}, l.check(t, k, 6))
	}
}
