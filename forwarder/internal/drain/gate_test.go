package drain

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// An intent that an engine records late does not take the place of one of the next
// forwarder's.
func TestGate(t *testing.T) {
	s := openStore(t)
	first := add(t, s, "7", 4)
	former, next := Journal{Store: s, Gate: new(Gate)}, Journal{Store: s, Gate: new(Gate)}
	intent := func(id int64) []producer.Intent {
		return []producer.Intent{{Partition: 3, ProducerID: id, Messages: []producer.NumberRange{{First: first, Next: first + 4}}}}
	}
	require.NoError(t, former.Intend(intent(1)))
	former.Gate.Close()
	require.NoError(t, next.Intend(intent(2)))
	require.ErrorIs(t, former.Intend(intent(1)), spoolstore.ErrClosed)
	open := s.OpenIntents()
	require.Len(t, open, 1)
	assert.Equal(t, int64(2), open[0].ProducerID)
}
