package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A broker that refuses the producer id in use, whatever the epoch, gets another
// one. Nothing that was acknowledged is lost or repeated.
func TestProducerID_lost(t *testing.T) {
	for _, code := range []int16{49, 59, 45, 47, 90} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			f := open(t, k)
			var l ledger
			l.send(within(t, time.Minute), t, f, 7, 10)
			l.waiting.Wait()
			ids := k.Requests(forwardertest.InitProducerID)
			fault := k.ForgetProducerIDs("events", code)
			for range 5 {
				l.send(within(t, time.Minute), t, f, 7, 10)
				l.waiting.Wait()
			}
			for _, e := range l.entries {
				require.NoError(t, e.err)
			}
			assert.Equal(t, tally{acknowledged: 6}, l.check(t, k, 12))
			assert.NotZero(t, fault.Hits())
			assert.LessOrEqual(t, fault.Hits(), 2, "49 says it at once, others with the first of a new epoch")
			assert.Equal(t, 1, k.Requests(forwardertest.InitProducerID)-ids)
		})
	}
}
