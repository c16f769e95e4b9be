package drain

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A tellingProducer calls told when it has got a group.
type tellingProducer struct {
	*fakeProducer
	told func()
}

// Submit implements [producer.Producer].
func (p tellingProducer) Submit(g *producer.Group) {
	p.fakeProducer.Submit(g)
	p.told()
}

// A topic may become known while messages of another one are read again, and before that
// has come to the first of its own. Those in between are not passed over.
func TestDrain_topicKnownWhileReadingAgain(t *testing.T) {
	s := openStore(t)
	topics, producers := topicsOf(s, 2)
	// Both functions are called by the goroutine that reads. When it is at the message for
	// topic 1, it has passed over the first ones for topic 0.
	topics[1].Unsent = &Unsent{Begun: func() { producers[0].partitions.Store(1) }}
	topics[0].Producer = tellingProducer{producers[0], func() { producers[1].partitions.Store(1) }}
	first := addFor(t, s, "user", 1, topics[0])
	between := addFor(t, s, "user", 1, topics[0])
	other := addFor(t, s, "user", 1, topics[1])
	last := addFor(t, s, "user", 1, topics[0])
	d := New(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: 1 << 20, Settled: func(uint64, MessageResult, *Ended) {}})
	defer d.Close()
	requireSubmitted(t, producers[1], 0, other)
	require.Eventually(t, func() bool { return slices.Contains(producers[0].submitted(0), last) }, time.Minute, time.Millisecond)
	require.Equal(t, []uint64{first, between, last}, producers[0].submitted(0))
}
