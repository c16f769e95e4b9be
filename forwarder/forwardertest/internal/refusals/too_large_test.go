package refusals

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// TestRunning_closesOnCodec: a broker that closes the connection on a codec is
// named with what to set.
func TestRunning_closesOnCodec(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t)
	r := run(t, k.Settings())
	fault := k.CloseOnCodecs(settings.Zstd)
	defer fault.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result := make(chan error, 1)
	r.ForwardAsync(ctx, r.batch, func(err error) { result <- err })
	require.Eventually(t, func() bool { return len(r.waited()) > 0 }, 30*time.Second, 10*time.Millisecond)
	cancel()
	err := <-result
	require.ErrorIs(t, err, context.Canceled)
	assertAdvice(t, err.Error())
	assert.ErrorContains(t, err, "closed the connection on a small produce request (compressed with zstd): set delivery.compression to none or gzip")
}

// TestRunning_closesOnSmall: a broker that closes the connection on a message that
// no broker takes for too large is tried again, and named with the limit to look at.
func TestRunning_closesOnSmall(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t)
	r := run(t, k.Settings())
	fault := k.LimitRequests(400) // a small produce request has half of that
	defer fault.Stop()
	text := make([]byte, 256)
	_, _ = rand.Read(text)
	small, err := batch.Parse([]byte(`{"mpid":1,"events":[{"event_type":"opt_out","data":{"x":"` + hex.EncodeToString(text) + `"}}]}`))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result := make(chan error, 1)
	r.ForwardAsync(ctx, small, func(err error) { result <- err })
	require.Eventually(t, func() bool { return len(r.waited()) > 0 }, 30*time.Second, 10*time.Millisecond)
	cancel()
	err = <-result
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, forwarder.Permanent(err))
	assertAdvice(t, err.Error())
	assert.ErrorContains(t, err, "set delivery.max_request_bytes to the broker's socket.request.max.bytes if that is lower")
}

// TestRunning_closesOnLarge: a broker that closes the connection on a large
// request is named with the limit to look at, and a message that no request can
// carry fails.
func TestRunning_closesOnLarge(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	s.Delivery.Compression = settings.NoCompression
	r := run(t, s)
	fault := k.LimitRequests(20_000)
	defer fault.Stop()
	large, err := batch.Parse([]byte(`{"mpid":1,"events":[{"event_type":"opt_out","data":{"x":"` + strings.Repeat("x", 50_000) + `"}}]}`))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = r.Forward(ctx, large)
	require.Error(t, err)
	assertAdvice(t, err.Error())
	assert.True(t, forwarder.Permanent(err))
	assert.False(t, forwarder.NothingSent(err))
	assert.ErrorContains(t, err, "closes the connection on a message of 50")
}
