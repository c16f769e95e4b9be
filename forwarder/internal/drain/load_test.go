package drain

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// What is read from the disk is sent with all that was stored of it.
func TestMessages(t *testing.T) {
	e := &spoolstore.Entry{Key: []byte("42"), Messages: []spoolstore.Message{
		{Value: []byte("before")},
		{Value: []byte("a"), Part: "1/2", Headers: []spoolstore.Header{{Key: "traceparent", Value: []byte("00")}, {Key: "empty"}}},
		{Value: []byte("b"), Part: "2/2"},
	}}
	assert.Equal(t, []producer.Message{
		{Key: []byte("42"), Value: []byte("a"), Part: "1/2", Headers: []producer.Header{{Key: "traceparent", Value: []byte("00")}, {Key: "empty"}}},
		{Key: []byte("42"), Value: []byte("b"), Part: "2/2"},
	}, messages(nil, e, 1, 2))
}

// What is read again for a lane may be beyond what was read ahead. When growth is
// seen there, the other lanes' messages in between are not passed over.
func TestDrain_growthBeyondWhatWasRead(t *testing.T) {
	s := openStore(t)
	d := &Drain{
		config:  Config{Store: s, Hash: hash},
		topics:  []*topicLanes{newTopicLanes(Topic{Partitions: func() int32 { return 2 }})},
		restart: noRestart, memory: newMemory(1<<20, 1),
	}
	d.readAheadFrom(5)
	current := d.topics[0].current()
	current.count = 1
	d.topics[0].lane(0).behind = true
	d.topics[0].lane(0).next = 7
	grown := &spoolstore.Record{First: 9, Entry: &spoolstore.Entry{Key: []byte("42"), Messages: make([]spoolstore.Message, 1)}}
	d.wantBehind(grown)
	assert.Empty(t, d.wanted)
	assert.Equal(t, uint64(5), d.restart)
}
