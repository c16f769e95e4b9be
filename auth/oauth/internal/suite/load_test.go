package suite_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth/oauth"
	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

// reauthenticateUnderLoad forwards until several sessions have ended, and each has got a
// token of its own. Nothing is lost, doubled or overtaken.
func reauthenticateUnderLoad(t *testing.T, k *apachekafka.Cluster, s settings.Settings, token func() string) {
	t.Helper()
	var asked, dialled atomic.Int64
	b := &oauth.Bearer{
		Tokens: oauth.TokenFunc(func(context.Context) (settings.Secret, error) {
			asked.Add(1)
			return settings.NewSecret(token()), nil
		}),
		Extensions: map[string]string{"logicalCluster": "lkc-1"},
	}
	f, err := forwarder.New(t.Context(), s, forwarder.WithAuthenticator(b),
		forwarder.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialled.Add(1)
			return new(net.Dialer).DialContext(ctx, network, addr)
		}))
	require.NoError(t, err)
	defer f.Close()
	stop := make(chan struct{})
	var work sync.WaitGroup
	sent := make([]int, 6)
	for user := range sent {
		work.Go(func() { sent[user] = forwardUntil(t, f, user+1, stop) })
	}
	require.Eventually(t, func() bool { return asked.Load() >= dialled.Load()+3 }, 2*time.Minute, 10*time.Millisecond,
		"a token for each connection, and more for those whose session has ended")
	close(stop)
	work.Wait()
	require.NoError(t, f.Shutdown(t.Context()))
	next := make([]int, len(sent))
	for _, m := range k.Messages(t, s.TopicName) {
		user, err := strconv.Atoi(string(m.Key))
		require.NoError(t, err)
		assert.Contains(t, string(m.Value), fmt.Sprintf(`"n":%d}`, next[user-1]), "each once and in order")
		next[user-1]++
	}
	assert.Equal(t, sent, next)
}

// forwardUntil forwards batches of a user, and returns how many.
func forwardUntil(t *testing.T, f *forwarder.Forwarder, user int, stop <-chan struct{}) (sent int) {
	t.Helper()
	for {
		select {
		case <-stop:
			return sent
		case <-time.After(5 * time.Millisecond):
		}
		one, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"events":[{"event_type":"custom_event","data":{"n":%d}}]}`, user, sent))
		if !assert.NoError(t, err) || !assert.NoError(t, f.Forward(t.Context(), one)) {
			return sent
		}
		sent++
	}
}
