package receiver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// Once some of a batch is in Kafka no repetition brings more than the rest, however
// often the rest fails.
func TestClaim_restThatFailsStaysTheRest(t *testing.T) {
	table, now := newSeenTable(10), time.UnixMilli(1)
	k := keeper{now: func() time.Time { return now }}
	id, body := idOf(WebhookDoor, "hook", []byte(`"m-1"`)), contentDigest{1}
	c, own, _ := table.claim(id, body, now)
	require.True(t, own)
	c.settle(errDown, []int{1, 2}, now) // event 0 is in Kafka
	for name, err := range map[string]error{
		"not sent": &forwarder.DeliveryError{Messages: 2, Failures: []forwarder.Failure{
			{Outcome: forwarder.NotSent, Err: errDown}, {Message: 1, Outcome: forwarder.NotSent, Err: errDown},
		}},
		"not accepted": errDown,
		"closed":       forwarder.ErrClosed,
		"a panic":      errNoOutcome,
	} {
		c, own, _ = table.claim(id, body, now)
		require.True(t, own, name)
		require.Equal(t, []int{1, 2}, c.rest(), name)
		k.settle(c, err)
	}
	c, own, _ = table.claim(id, body, now)
	require.True(t, own)
	b, err := batch.Parse([]byte(`{"events":[{"event_type":"a"},{"event_type":"b"},{"event_type":"c"}]}`))
	require.NoError(t, err)
	p := posting{batch: b, claim: c}
	assert.JSONEq(t, `{"events":[{"event_type":"b"},{"event_type":"c"}]}`, string(p.unsent().AppendJSON(nil)))
	k.settle(c, nil)
	_, own, _ = table.claim(id, body, now)
	assert.False(t, own, "all of it is kept")
}
