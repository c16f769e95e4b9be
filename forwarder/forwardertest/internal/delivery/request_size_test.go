package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A broker that closes connections on large requests, as Azure Event Hubs does
// above 1,046,528 bytes, gets smaller ones: everything that can be written is.
func TestRequestSize_shrinks(t *testing.T) {
	for _, limit := range []int{1_046_528, 200_000, 20_000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			s := k.Settings()
			s.Delivery.Compression = settings.NoCompression
			s.Delivery.MaxRequestBytes = 2_000_000
			fault := k.LimitRequests(limit)
			f := engine.start(t, s)
			down := k.Unreachable() // until enough has gathered for the largest requests
			var l ledger
			const batches = 600
			for i := range batches {
				l.send(within(t, 5*time.Minute), t, f, int64(i%40+1), 9_000)
			}
			down.Stop()
			l.waiting.Wait()
			l.send(within(t, 5*time.Minute), t, f, 7, 10)
			l.waiting.Wait()
			for _, e := range l.entries {
				if !assert.NoError(t, e.err) {
					break
				}
			}
			assert.Equal(t, tally{acknowledged: batches + 1}, l.check(t, k, 12))
			if limit < 100_000 { // how much gathers for a larger request is up to the machine
				assert.NotZero(t, fault.Hits(), "the limit was never met")
			}
			t.Logf("%d connections closed", fault.Hits())
		})
	}
}

// delivery.max_request_bytes keeps requests below the limit from the start,
// whatever the codec, also when it cannot make anything smaller.
func TestRequestSize_setting(t *testing.T) {
	for _, compression := range []settings.Compression{
		settings.NoCompression, settings.Gzip, settings.Snappy, settings.LZ4, settings.Zstd,
	} {
		t.Run(string(compression), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			s := k.Settings()
			s.Delivery.Compression = compression
			s.Delivery.MaxMessageBytes, s.Delivery.MaxRequestBytes = 100_000, 200_000
			fault := k.LimitRequests(200_000)
			f := engine.start(t, s)
			l := ledger{random: true}
			const batches = 600
			for i := range batches {
				l.send(within(t, time.Minute), t, f, int64(i%40+1), 9_000)
			}
			l.waiting.Wait()
			assert.Equal(t, tally{acknowledged: batches}, l.check(t, k, 12))
			assert.Zero(t, fault.Hits())
		})
	}
}

// A request that compresses gathers more than it may take on the wire. What compresses
// worse than everything before it keeps below the limit all the same.
func TestRequestSize_compression(t *testing.T) {
	const limit, batches = 200_000, 600
	for _, compression := range []settings.Compression{settings.Gzip, settings.Snappy, settings.LZ4, settings.Zstd} {
		t.Run(string(compression), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			s := k.Settings()
			s.Delivery.Compression = compression
			s.Delivery.MaxMessageBytes, s.Delivery.MaxRequestBytes = 100_000, limit
			fault := k.LimitRequests(limit)
			f := engine.start(t, s)
			var l ledger
			for range 3 {
				for _, random := range []bool{false, true} {
					l.random = random
					silent := k.Silence() // until enough has gathered for the largest requests
					for i := range batches / 6 {
						l.send(within(t, time.Minute), t, f, int64(i%40+1), 9_000)
					}
					silent.Stop()
					l.waiting.Wait()
				}
			}
			assert.Equal(t, tally{acknowledged: batches}, l.check(t, k, 12))
			assert.Zero(t, fault.Hits(), "a request was larger than it may be")
		})
	}
}

// A connection that is closed by chance, however often, blames no message for its
// size.
func TestRequestSize_chance(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t)
	d := newLoadBalancer(t, k.Servers()[0])
	f := open(t, k, d.through())
	d.closeByChance(0.4)
	l := ledger{random: true}
	const batches = 100
	for i := range batches {
		l.send(within(t, 5*time.Minute), t, f, int64(i+1), 9_000)
		l.waiting.Wait()
	}
	for _, e := range l.entries {
		assert.NoError(t, e.err)
	}
	assert.Equal(t, tally{acknowledged: batches}, l.check(t, k, 12))
	assert.NotZero(t, d.closedByChance())
	t.Logf("%d connections closed", d.closedByChance())
}

// A message that no request can carry is given up when it has closed its
// connection three times alone, although the broker answers smaller requests.
// Whether it was written is not known. Messages behind it are written.
func TestRequestSize_message(t *testing.T) {
	for name, partitions := range map[string]int32{"one partition": 1, "several": 12} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithTopic("few", partitions))
			s := k.Settings()
			s.TopicName = "few"
			s.Delivery.Compression = settings.NoCompression
			fault := k.LimitRequests(20_000)
			f := engine.start(t, s)
			l := ledger{topic: "few"}
			large := l.send(within(t, time.Minute), t, f, 7, 50_000)
			require.NoError(t, fault.Wait(within(t, time.Minute), 1)) // it is on its way, alone
			for i := range 20 {
				l.send(within(t, time.Minute), t, f, int64(i+1), 1_000)
			}
			l.settle(within(t, time.Minute))
			require.Error(t, large.err)
			assert.True(t, forwarder.Permanent(large.err), "%v", large.err)
			assert.False(t, forwarder.NothingSent(large.err))
			assert.ErrorContains(t, large.err, "socket.request.max.bytes")
			assert.ErrorContains(t, large.err, "delivery.max_request_bytes")
			for _, e := range l.entries[1:] {
				assert.NoError(t, e.err)
			}
			l.check(t, k, partitions)
		})
	}
}
