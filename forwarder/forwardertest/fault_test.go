package forwardertest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// once is a client that tells of each failure instead of trying again.
func once() []kgo.Opt {
	return []kgo.Opt{kgo.RecordRetries(0), kgo.RequestRetries(0), kgo.DisableIdempotentWrite()}
}

// soon returns a context for what must not take long.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestFault_Fail(t *testing.T) {
	for _, tc := range []struct {
		name     string
		err      *kerr.Error
		appended bool
	}{
		{"before the append", kerr.NotEnoughReplicas, false},
		{"after the append", kerr.NotEnoughReplicasAfterAppend, true},
		{"timed out", kerr.RequestTimedOut, true},
		{"record refused", kerr.InvalidRecord, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 2))
			c := client(t, k.Settings(), once()...)
			f := k.Fail(forwardertest.Produce, tc.err.Code, 2, 1)
			require.NoError(t, put(t, c, 0, "elsewhere"))
			for range 2 {
				require.Error(t, put(t, c, 1, "failed"))
			}
			require.NoError(t, f.Wait(soon(t), 2))
			require.NoError(t, put(t, c, 1, "done"))
			assert.Equal(t, 2, f.Hits())
			assert.Equal(t, 2, k.FaultHits())
			want := []string{"elsewhere", "done"}
			if tc.appended {
				want = []string{"elsewhere", "failed", "failed", "done"}
			}
			assert.Equal(t, want, values(k.Messages(t, "t")))
		})
	}
}

func TestFault_Fail_otherRequests(t *testing.T) {
	k := forwardertest.NewKafka(t)
	for _, r := range []forwardertest.Request{forwardertest.Metadata, forwardertest.InitProducerID, forwardertest.SASLAuthenticate, forwardertest.APIVersions} {
		f := k.Fail(r, kerr.CoordinatorLoadInProgress.Code, 1)
		_ = put(t, client(t, k.Settings()), 0, "v")
		assert.Equal(t, 1, f.Hits(), "%d", r)
		f.Stop()
	}
}

func TestFault_LoseAnswers(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 1))
	c := client(t, k.Settings(), once()...)
	f := k.LoseAnswers(forwardertest.Produce, 1)
	require.Error(t, put(t, c, 0, "a"))
	require.NoError(t, put(t, c, 0, "b"))
	assert.Equal(t, 1, f.Hits())
	assert.Equal(t, []string{"a", "b"}, values(k.Messages(t, "t")))

	t.Run("an idempotent producer sends again", func(t *testing.T) {
		f := k.LoseAnswers(forwardertest.Produce, 2)
		require.NoError(t, put(t, client(t, k.Settings()), 0, "c"))
		assert.Equal(t, 2, f.Hits())
		assert.Equal(t, []string{"a", "b", "c"}, values(k.Messages(t, "t")))
	})
}

func TestFault_WithholdAnswers(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 1))
	c := client(t, k.Settings(), once()...)
	f := k.WithholdAnswers(forwardertest.Produce, 1)
	result := make(chan error, 1)
	c.Produce(t.Context(), &kgo.Record{Value: []byte("a")}, func(_ *kgo.Record, err error) { result <- err })
	require.NoError(t, f.Wait(soon(t), 1))
	assert.Equal(t, []string{"a"}, values(k.Messages(t, "t")))
	assert.Empty(t, result)
	assert.Positive(t, k.CutConnections())
	assert.Error(t, <-result)
}

func TestFault_SlowAnswers(t *testing.T) {
	k := forwardertest.NewKafka(t)
	c := client(t, k.Settings())
	require.NoError(t, c.Ping(t.Context()))
	const delay = 200 * time.Millisecond
	f := k.SlowAnswers(delay)
	begin := time.Now()
	require.NoError(t, c.Ping(t.Context()))
	assert.GreaterOrEqual(t, time.Since(begin), delay)
	f.Stop()
	assert.Positive(t, f.Hits())
	hits := f.Hits()
	require.NoError(t, c.Ping(t.Context()))
	assert.Equal(t, hits, f.Hits())
}

func TestFault_CutConnections(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(2))
	assert.Zero(t, k.CutConnections())
	c := client(t, k.Settings())
	require.NoError(t, put(t, c, 0, "a"))
	require.NoError(t, put(t, c, 1, "b"))
	require.Positive(t, k.Connections())
	assert.Positive(t, k.CutConnections(1))
	assert.Positive(t, k.CutConnections())
	require.NoError(t, put(t, c, 0, "c"))
	require.NoError(t, put(t, c, 1, "d"))
}

func TestFault_Unreachable(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(2))
	c := client(t, k.Settings())
	require.NoError(t, put(t, c, 0, "a"))
	f := k.Unreachable()
	assert.Positive(t, f.Hits())
	assert.Eventually(t, func() bool { return k.Connections() == 0 }, time.Minute, time.Millisecond)
	assert.Error(t, client(t, k.Settings(), kgo.RequestRetries(0)).Ping(t.Context()))
	f.Stop()
	f.Stop()
	require.NoError(t, put(t, c, 0, "b"))

	one := k.Unreachable(1)
	require.NoError(t, put(t, c, 0, "c"))
	one.Stop()
	require.NoError(t, put(t, c, 1, "d"))
}

func TestFault_Silence(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 1))
	c := client(t, k.Settings(), once()...)
	require.NoError(t, put(t, c, 0, "first"))
	f := k.Silence()
	assert.Positive(t, f.Hits())
	result := make(chan error, 1)
	c.Produce(t.Context(), &kgo.Record{Value: []byte("a")}, func(_ *kgo.Record, err error) { result <- err })

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, client(t, k.Settings()).Ping(ctx), context.DeadlineExceeded)
	assert.Empty(t, result)
	assert.Equal(t, 1, k.Requests(forwardertest.Produce), "it is not even read")
	f.Stop()
	assert.NoError(t, <-result)
	assert.Equal(t, 2, k.Requests(forwardertest.Produce))
	assert.Equal(t, []string{"first", "a"}, values(k.Messages(t, "t")))
}

func TestFault_Wait(t *testing.T) {
	k := forwardertest.NewKafka(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, f := range map[string]*forwardertest.Fault{
		"of an answer":   k.LoseAnswers(forwardertest.Produce, 1),
		"of a request":   k.Fail(forwardertest.Produce, kerr.RequestTimedOut.Code, 1),
		"of the network": k.Silence(),
	} {
		assert.ErrorIs(t, f.Wait(ended, 1), context.Canceled, name)
		assert.NoError(t, f.Wait(t.Context(), 0), name)
		f.Stop()
	}
	assert.Zero(t, k.FaultHits())
}

func TestFault_Silence_closed(t *testing.T) {
	k, err := forwardertest.StartKafka()
	require.NoError(t, err)
	require.NoError(t, client(t, k.Settings()).Ping(t.Context()))
	k.Silence()
	k.Close() // does not wait for the silence to end
}

func TestFault_leaders(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("t", 2))
	c := client(t, k.Settings(), kgo.MetadataMinAge(10*time.Millisecond))
	require.NoError(t, put(t, c, 1, "a"))
	require.NoError(t, k.MoveLeader("t", 1, 2))
	assert.Equal(t, 2, k.Leader("t", 1))
	require.NoError(t, put(t, c, 1, "b"))
	k.MoveLeaders()
	require.NoError(t, put(t, c, 1, "c"))
	assert.Error(t, k.MoveLeader("t", 1, 3))
	assert.Error(t, k.MoveLeader("t", 2, 0))

	f := k.Leaderless("t", 1)
	require.NoError(t, put(t, c, 0, "d"))
	result := make(chan error, 1)
	c.Produce(t.Context(), &kgo.Record{Partition: 1, Value: []byte("e")}, func(_ *kgo.Record, err error) { result <- err })
	require.NoError(t, f.Wait(soon(t), 2))
	assert.Empty(t, result)
	f.Stop()
	assert.NoError(t, <-result)
	assert.Equal(t, []string{"d", "a", "b", "c", "e"}, values(k.Messages(t, "t")))
}
