package load

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// Each event of a batch goes to one topic, by its type, and what goes to one topic stands
// together. Many batches have events for two topics, none for three.
func TestParams_topics(t *testing.T) {
	for _, topics := range []int{2, 3, MaxTopics()} {
		p := Params{Seed: 3, Users: 5, Stress: true, MaxMessageBytes: 1 << 12, Topics: topics}
		byType := map[string]int{}
		for topic, r := range p.routes("first") {
			assert.Equal(t, p.TopicNames("first")[topic], r.Topic)
			if topic < topics-1 {
				require.Len(t, r.Types, 1)
				byType[r.Types[0]] = topic
			} else {
				assert.Empty(t, r.Types, "it takes the rest")
			}
		}
		divided, used := 0, map[int]bool{}
		for id := range uint32(2000) {
			b, err := batch.Parse(p.Append(nil, Batch{Owner: 1, N: 1, ID: id}, 0, p.Events(id)))
			require.NoError(t, err)
			seen := map[int]int{}
			for i, e := range b.Events() {
				topic, ok := byType[e.Type()]
				if !ok {
					topic = topics - 1
				}
				low, high := p.TopicEvents(id, topic, 0, p.Events(id))
				require.True(t, low <= i && i < high, "event %d of id %d", i, id)
				seen[topic]++
				used[topic] = true
			}
			require.Len(t, p.EventTopics(id, 0, p.Events(id)), len(seen))
			require.LessOrEqual(t, len(seen), 2)
			require.Equal(t, len(seen) == 2, p.Divided(id))
			if len(seen) == 2 {
				divided++
			}
		}
		assert.Greater(t, divided, 500)
		assert.Len(t, used, topics)
	}
}

// The forwarder's own explanation agrees with what the judge expects: no event is
// dropped, and each topic gets one message with its events.
func TestParams_topicsAsExplained(t *testing.T) {
	p := Params{Seed: 3, Users: 5, Topics: MaxTopics()}
	s := settings.Settings{BootstrapServers: "127.0.0.1:1"}
	for id := range uint32(300) {
		b, err := batch.Parse(p.Append(nil, Batch{Owner: 1, N: 1, ID: id}, 0, p.Events(id)))
		require.NoError(t, err)
		e, err := forwarder.Explain(t.Context(), s, b, forwarder.WithExplainedRoutes(p.routes("first")...))
		require.NoError(t, err)
		require.Empty(t, e.Dropped)
		want := map[string]int{}
		for _, topic := range p.EventTopics(id, 0, p.Events(id)) {
			low, high := p.TopicEvents(id, topic, 0, p.Events(id))
			want[TopicName("first", topic)] = high - low
		}
		got := map[string]int{}
		for _, m := range e.Messages {
			got[m.Topic] += len(m.Events)
		}
		require.Equal(t, want, got)
	}
}
