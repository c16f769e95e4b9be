package delivery

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A log is read on from where records of the time can be, in several requests, and not
// for ever: in front of what is looked for lies what another producer has dated later.
func TestLog_pages(t *testing.T) {
	const notEnoughReplicasAfterAppend, outOfOrder, fetch = 20, 45, forwardertest.Request(1)
	const recordBytes = 600 << 10
	for name, c := range map[string]struct {
		inFront int // record batches, each of one record
		want    tally
		fetches int // at least
	}{
		"some requests": {5, tally{acknowledged: 3}, 3},
		"too many":      {32, tally{acknowledged: 2, unknown: 1}, 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 1))
			ctx := within(t, time.Minute)
			other, err := k.Client(kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.DefaultProduceTopic("events"))
			require.NoError(t, err)
			defer other.Close()
			f := open(t, k)
			var l ledger
			e, b := l.make(t, 7, 50)
			l.note(e, f.Forward(ctx, b))
			require.NoError(t, e.err)
			for range c.inFront {
				r := &kgo.Record{Value: bytes.Repeat([]byte("x"), recordBytes), Timestamp: time.Now().Add(time.Minute)}
				require.NoError(t, other.ProduceSync(ctx, r).FirstErr())
			}
			k.Fail(forwardertest.Produce, notEnoughReplicasAfterAppend, 1)
			k.Fail(forwardertest.Produce, outOfOrder, 1)
			before := k.Requests(fetch)
			for range 2 {
				e, b := l.make(t, 7, 50)
				l.note(e, f.Forward(ctx, b))
			}
			assert.GreaterOrEqual(t, k.Requests(fetch)-before, c.fetches)
			require.NoError(t, f.Shutdown(ctx))
			sum := tally{}
			for _, e := range l.entries {
				if e.err == nil {
					sum.acknowledged++
				} else {
					sum.unknown++
				}
			}
			assert.Equal(t, c.want, sum)
			assert.Len(t, k.Messages(t, "events"), 3+c.inFront, "nothing is there twice")
		})
	}
}
