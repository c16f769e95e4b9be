package apachekafka

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A broker under load can do what it is asked for and close the connection before it
// answers. The client asks again, and what it hears then is no mistake of the caller.
func TestTopics_lostAnswer(t *testing.T) {
	k := forwardertest.NewKafka(t)
	client, err := k.Client()
	require.NoError(t, err)
	defer client.Close()
	ctx := t.Context()
	once := func(key kmsg.Key, do func() error) {
		t.Helper()
		lost := k.LoseAnswers(forwardertest.Request(key.Int16()), 1)
		assert.NoError(t, do())
		assert.Equal(t, 1, lost.Hits())
	}
	create := func() error { return createTopic(ctx, client, "orders", 1, 1, nil) }
	remove := func() error { return deleteTopic(ctx, client, "orders") }

	once(kmsg.CreateTopics, create)
	assert.ErrorIs(t, create(), kerr.TopicAlreadyExists, "it was there before")
	once(kmsg.DeleteTopics, remove)
	assert.ErrorIs(t, remove(), kerr.UnknownTopicOrPartition, "it was not there before")
}
