package drain

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// What ends in doubt is told, and the store knows it of what goes out again.
func TestJournal_doubt(t *testing.T) {
	s := openStore(t)
	first := add(t, s, "7", 4)
	var told []Doubt
	j := Journal{Store: s, Doubted: func(d Doubt) { told = append(told, d) }}
	intent := producer.Intent{Partition: 3, Messages: []producer.NumberRange{{First: first, Next: first + 3}}}
	for _, outcome := range []producer.IntentOutcome{producer.NotWritten, producer.Doubtful} {
		require.NoError(t, j.Intend([]producer.Intent{intent}))
		assert.False(t, s.Doubtful(spoolstore.Range{First: first, Next: first + 4}))
		cause := errors.New("out of order")
		j.End(producer.IntentEnd{Partition: 3, Outcome: outcome, Offset: -1, InDoubt: intent.Messages, Cause: cause})
		if outcome == producer.NotWritten {
			assert.Empty(t, told)
			continue
		}
		assert.Equal(t, []Doubt{{Partition: 3, Messages: 3, Cause: cause}}, told)
	}
	assert.True(t, s.Doubtful(spoolstore.Range{First: first + 2, Next: first + 4}))
	assert.False(t, s.Doubtful(spoolstore.Range{First: first + 3, Next: first + 4}))
}

// More than the intent of a part may be found: all of its whole is done then, also
// for the next process.
func TestJournal_wholeFound(t *testing.T) {
	s := openStore(t)
	first := add(t, s, "7", 4)
	whole := []producer.NumberRange{{First: first, Next: first + 4}}
	j := Journal{Store: s, Doubted: func(d Doubt) { t.Errorf("in doubt: %+v", d) }}
	require.NoError(t, j.Intend([]producer.Intent{{Partition: 3, Messages: []producer.NumberRange{{First: first, Next: first + 2}}, Whole: whole}}))
	require.Len(t, s.OpenIntents(), 1)
	j.End(producer.IntentEnd{Partition: 3, Outcome: producer.Written, Offset: 50, Done: whole})
	assert.Empty(t, s.OpenIntents())
	for n := first; n < first+4; n++ {
		assert.True(t, s.IsDone(n), "message %d", n)
	}
	require.NoError(t, s.WaitEmpty(t.Context()))
}
