package engine

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
)

// A bundle whose records are made may lose messages to their caller while it
// waits to be sent again. What is left must not look like them.
func TestBundle_takenBack(t *testing.T) {
	e := &Engine{directory: &directory{kick: make(chan struct{}, 1)}}
	q := newQueue(e, 0)
	submit := func(value, part string) *entry {
		return waitIn(q, []deliver.Message{{Value: []byte(value), Part: part}}, make(told, 1))
	}
	first, second, third := submit("first", "1/2"), submit("second", ""), submit("third", "2/2")
	b := e.sealLocked(q, 1<<10)
	b.fill(limits{})
	require.Len(t, b.wire.Records, 3)
	require.NotEmpty(t, b.wire.Records[0].Headers)
	records := b.records

	e.restLocked(first)
	b.fill(limits{})
	require.Len(t, b.wire.Records, 2)
	assert.Equal(t, "second", string(b.wire.Records[0].Value))
	assert.Empty(t, b.wire.Records[0].Headers)
	assert.Equal(t, "third", string(b.wire.Records[1].Value))
	assert.Len(t, b.wire.Records[1].Headers, 1)

	e.restLocked(second)
	e.restLocked(third)
	require.Equal(t, []*bundle{b}, e.spare, "kept for others")
	for i := range records {
		assert.Equal(t, sarama.Record{}, records[i], "record %d", i)
	}
}
