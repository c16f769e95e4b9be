package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// patience bounds waits for what comes in milliseconds.
const patience = time.Minute

var quiet = slog.New(slog.DiscardHandler)

// small are options of a spool that is full soon.
func small() spool.Options {
	return spool.Options{MaxBytes: 1 << 20, SegmentBytes: 256 << 10, Logger: quiet}
}

func openSpool(t testing.TB, dir string, o spool.Options) *spool.Spool {
	t.Helper()
	s, err := spool.Open(t.Context(), dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// start makes a forwarder that need not reach Kafka.
func start(t *testing.T, k *forwardertest.Kafka, s *spool.Spool, opts ...forwarder.Option) *forwarder.Forwarder {
	t.Helper()
	opts = append([]forwarder.Option{forwarder.WithSpool(s), forwarder.WithoutProbe(), forwarder.WithLogger(quiet)}, opts...)
	f, err := forwarder.New(t.Context(), k.Settings(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}

// make makes batch n, of one of three users.
func makeBatch(t testing.TB, n int) *batch.Batch {
	t.Helper()
	b, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"events":[{"event_type":"custom_event","data":{"n":%d}}]}`, 1+n%3, n))
	require.NoError(t, err)
	return b
}

func storeSome(t *testing.T, f *forwarder.Forwarder, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		require.NoError(t, f.Store(t.Context(), makeBatch(t, n)))
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func drainAll(t *testing.T, f *forwarder.Forwarder) {
	t.Helper()
	require.NoError(t, f.Shutdown(within(t, patience)))
}

// member is the number of a message's batch, which is in its first event.
func member(m forwardertest.Message) string {
	var b struct {
		Events []struct{ Data struct{ N json.Number } }
	}
	if json.Unmarshal(m.Value, &b) != nil || len(b.Events) == 0 {
		return ""
	}
	return b.Events[0].Data.N.String()
}

// requireOnce checks that the topic has the batches up to n, each once and those of
// a user in order.
func requireOnce(t *testing.T, k *forwardertest.Kafka, n int) {
	t.Helper()
	messages := k.Messages(t, "events")
	var ids []string
	for i := range n {
		ids = append(ids, strconv.Itoa(i))
	}
	forwardertest.NoLoss(t, messages, ids, member)
	forwardertest.NoDuplicates(t, messages, member)
	forwardertest.OrderedPerUser(t, messages, member)
	assert.Len(t, messages, n)
}
