package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// Questions that are throttled wait on the connection that they have.
func TestThrottle_questions(t *testing.T) {
	k := forwardertest.NewKafka(t)
	d := newLoadBalancer(t, k.Servers()[0])
	fault := k.ThrottleAnswers(forwardertest.InitProducerID, 400*time.Millisecond)
	f := open(t, k, d.through())
	before := d.count()
	var l ledger
	for i := range 40 { // in all partitions
		l.send(within(t, 30*time.Second), t, f, int64(i+1), 10)
	}
	l.waiting.Wait()
	assert.Equal(t, tally{acknowledged: 40}, l.check(t, k, 12))
	assert.GreaterOrEqual(t, fault.Hits(), 12, "each partition asks for a producer id")
	assert.Less(t, d.count()-before, 9, "not one for each question")
}
