package forwardertest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A request has records for several topics: those of one topic say nothing about the
// other, whether the request names topics or, since Kafka 4, has their ids.
func TestFault_recordsOfAnotherTopic(t *testing.T) {
	for name, versions := range map[string]*kversion.Versions{"names": kversion.V3_6_0(), "ids": kversion.Tip()} {
		t.Run(name, func(t *testing.T) {
			k := forwardertest.NewKafka(t, forwardertest.WithTopic("ahead", 1), forwardertest.WithTopic("right", 1))
			opts := append(once(), kgo.MaxVersions(versions), kgo.ProducerLinger(100*time.Millisecond), kgo.RecordPartitioner(kgo.ManualPartitioner()))
			c := client(t, k.Settings(), opts...)
			require.NoError(t, c.ProduceSync(t.Context(), &kgo.Record{Topic: "ahead"}, &kgo.Record{Topic: "right"}).FirstErr())
			ahead, right := k.ShiftClock("ahead", 0, forwardertest.UntilStopped), k.ShiftClock("right", 0, forwardertest.UntilStopped)
			for requests := 0; requests != 1; { // with both
				before := k.Requests(forwardertest.Produce)
				for _, r := range c.ProduceSync(soon(t),
					&kgo.Record{Topic: "ahead", Timestamp: time.Now().Add(2 * time.Hour)}, &kgo.Record{Topic: "right"}) {
					if r.Record.Topic == "ahead" {
						require.ErrorIs(t, r.Err, kerr.InvalidTimestamp)
					} else {
						require.NoError(t, r.Err)
					}
				}
				requests = k.Requests(forwardertest.Produce) - before
			}
			assert.Positive(t, ahead.Hits())
			assert.Zero(t, right.Hits())
		})
	}
}
