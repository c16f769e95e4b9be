package defaults

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// A broker that closes the connection on large requests. Whatever fits arrives;
// the rest is refused, one message at a time, with the limit's name.
func TestRequestLimit_apache(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	for _, limit := range []int{1_046_528, 200_000, 20_000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			k := apachekafka.New(t, apachekafka.WithBrokerConfig("socket.request.max.bytes", fmt.Sprint(limit)))
			require.NoError(t, k.CreateTopic(t.Context(), topic, partitions, nil))
			f := open(t, func(ctx context.Context) (*forwarder.Forwarder, error) { return forwarder.New(ctx, k.Settings(topic)) })
			l := newLoad()
			fits := min(20_000, limit*2/3)
			var all []*batch.Batch
			tooLarge := map[int]bool{}
			for i := range 600 {
				if i%100 == 50 && limit < 900_000 {
					tooLarge[len(all)] = true
					all = append(all, l.batch(t, limit*2, true))
				}
				all = append(all, l.batch(t, fits, false), l.batch(t, 1000, false))
			}
			for i, err := range l.forward(within(t), f, all) {
				if !tooLarge[i] {
					require.NoError(t, err, "batch %d", i)
					continue
				}
				assert.ErrorContains(t, err, "socket.request.max.bytes")
				assert.True(t, forwarder.Permanent(err), "%v", err)
				assert.False(t, forwarder.NothingSent(err), "a broker that closes the connection says nothing")
			}
			l.check(t, k.Messages(t, topic))
			assert.Len(t, l.acknowledged, len(all)-len(tooLarge))
			for _, err := range l.forward(within(t), f, []*batch.Batch{l.batch(t, 1000, false)}) {
				assert.NoError(t, err, "afterwards")
			}
		})
	}
}
