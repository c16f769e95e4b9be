package judge

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
	"github.com/eventferry/eventferry/partition"
)

// A routedScene is a history and the logs of two topics that agree, for a test to spoil:
// one user forwards three batches, one after another, each with events for both topics.
type routedScene struct {
	params  load.Params
	history []trace.Record
	logs    [2][]forwardertest.Message
	spool   bool
}

func newRoutedScene() *routedScene {
	s := &routedScene{params: load.Params{Seed: 5, Users: 1, Keyless: 1, Topics: 2}}
	for id := uint32(1); len(s.history) < 6; id++ {
		if s.params.Divided(id) && s.params.Events(id) > 2 {
			s.forward(uint32(len(s.history)/2+1), id) //nolint:gosec // small
		}
	}
	return s
}

// forward adds a batch that is acknowledged in both topics.
func (s *routedScene) forward(n, id uint32) {
	b := load.Batch{N: n, ID: id}
	var told []trace.Message
	for topic := range s.logs {
		m := s.message(b, topic)
		m.Offset = int64(len(s.logs[topic]))
		s.logs[topic] = append(s.logs[topic], m)
		told = append(told, trace.Message{Outcome: trace.Acknowledged, Partition: m.Partition, Offset: m.Offset})
	}
	whole := s.params.Append(nil, b, 0, s.params.Events(id))
	s.history = append(s.history,
		trace.Record{Kind: trace.Invoke, N: n, ID: id, Hash: load.Hash(whole)}, trace.Record{Kind: trace.Return, N: n, Messages: told})
}

// message is what one topic gets of a batch.
func (s *routedScene) message(b load.Batch, topic int) forwardertest.Message {
	key := strconv.AppendInt(nil, s.params.User(b.Owner), 10)
	from, to := s.params.TopicEvents(b.ID, topic, 0, s.params.Events(b.ID))
	return forwardertest.Message{Partition: partition.Murmur2(key, sceneParts), Key: key, Value: s.params.Append(nil, b, from, to)}
}

func (s *routedScene) broken(t *testing.T) []string {
	t.Helper()
	h, err := newHistory(s.params, filepath.Join(t.TempDir(), "history"))
	require.NoError(t, err)
	defer h.close() //nolint:errcheck // nothing is written
	if s.spool {
		h.spool = newSpoolHistory()
	}
	for _, r := range s.history {
		require.NoError(t, h.add(&r, false))
	}
	c := newChecker(h, sceneParts)
	for topic, log := range s.logs {
		c.topic = topic
		for _, m := range log {
			c.check(&m)
		}
	}
	c.finish()
	return slices.Sorted(maps.Keys(c.counts))
}

func TestChecker_routes(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(s *routedScene)
		want  []string
	}{
		{"nothing", func(*routedScene) {}, nil},
		{"one topic's message missing", func(s *routedScene) { s.logs[1] = s.logs[1][:2] }, []string{Lost}},
		{"one topic's message missing, and nothing told of it", func(s *routedScene) {
			s.logs[1] = s.logs[1][:2]
			s.history[5].Messages = s.history[5].Messages[:1]
		}, []string{Lost}},
		{"one topic's message missing, of a batch that is stored", func(s *routedScene) {
			s.spool, s.logs[1] = true, s.logs[1][:2]
			s.history[5].Messages = []trace.Message{{Outcome: trace.Stored, Partition: -1, Offset: -1}}
		}, []string{Lost}},
		{"one topic's message not sent, and missing", func(s *routedScene) {
			s.logs[1] = s.logs[1][:2]
			s.history[5].Messages[1] = trace.Message{Outcome: trace.NotSent, Partition: -1, Offset: -1}
		}, nil},
		{"one topic's message not sent, and there", func(s *routedScene) {
			s.history[5].Messages[1] = trace.Message{Outcome: trace.NotSent, Partition: -1, Offset: -1}
		}, []string{SentAfterNotSent}},
		{"in the other topic", func(s *routedScene) {
			m := s.logs[1][2]
			m.Offset = 3
			s.logs[0], s.logs[1] = append(s.logs[0], m), s.logs[1][:2]
		}, []string{Lost, WrongTopic}},
		{"in both topics", func(s *routedScene) {
			m := s.logs[1][2]
			m.Offset = 3
			s.logs[0] = append(s.logs[0], m)
		}, []string{WrongTopic}},
		{"all events in one message", func(s *routedScene) {
			m := &s.logs[0][2]
			b, _ := load.ReadBatch(m.Value)
			m.Value = s.params.Append(nil, b, 0, s.params.Events(b.ID))
		}, []string{Lost, WrongTopic}},
		{"twice in one topic", func(s *routedScene) {
			m := s.logs[1][2]
			m.Offset = 3
			s.logs[1] = append(s.logs[1], m)
		}, []string{Duplicated}},
		{"out of order in one topic", func(s *routedScene) {
			log := s.logs[1]
			log[1], log[2] = log[2], log[1]
			log[1].Offset, log[2].Offset = 1, 2
		}, []string{OutOfOrder, RealTimeOrder, WrongOffset}},
		{"another envelope in one topic", func(s *routedScene) {
			m := &s.logs[1][2]
			m.Value = bytes.Replace(m.Value, []byte(`"schema_version":2`), []byte(`"schema_version":3`), 1)
		}, []string{AlteredContent}},
		{"another key in one topic", func(s *routedScene) { s.logs[1][2].Key = []byte("1") }, []string{WrongPartition}},
		{"another topic named", func(s *routedScene) {
			s.history = append(s.history, trace.Record{Kind: trace.Settled, N: 2, Cause: load.Misnamed})
		}, []string{Contradiction}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newRoutedScene()
			tt.spoil(s)
			assert.Equal(t, tt.want, s.broken(t))
		})
	}
}

// A run in which no batch was divided to two topics proves nothing, also without controls.
func TestRun_checkCoverage_routes(t *testing.T) {
	params := load.Params{Seed: 5, Users: 1, Keyless: 1, Topics: 2, Stress: true}
	find := func(shape load.Shape, divided bool) (id uint32) {
		for id = 1; params.Shape(id) != shape || params.Divided(id) != divided; {
			id++
		}
		return id
	}
	const noPlain, noSplit = "0 batches with events for two topics, 1 are needed", "0 batches that are split, with events for two topics, 1 are needed"
	for name, c := range map[string]struct {
		ids  []uint32
		seen uint8 // of the messages of each
		want []string
	}{
		"nothing":      {nil, 1, []string{noPlain, noSplit}},
		"not divided":  {[]uint32{find(load.Plain, false), find(load.Split, false)}, 1, []string{noPlain, noSplit}},
		"not split":    {[]uint32{find(load.Plain, true), find(load.Split, false)}, 1, []string{noSplit}},
		"only split":   {[]uint32{find(load.Plain, false), find(load.Split, true)}, 1, []string{noPlain}},
		"not in Kafka": {[]uint32{find(load.Plain, true), find(load.Split, true)}, 0, []string{noPlain, noSplit}},
		"both":         {[]uint32{find(load.Plain, true), find(load.Split, true)}, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := newHistory(params, filepath.Join(t.TempDir(), "history"))
			require.NoError(t, err)
			defer h.close() //nolint:errcheck // nothing is written
			for i, id := range c.ids {
				require.NoError(t, h.add(&trace.Record{Kind: trace.Invoke, N: uint32(i + 1), ID: id}, false)) //nolint:gosec // small
				h.owners[0][i].seen = c.seen
			}
			r := &run{history: h, checker: newChecker(h, 1), testbed: &testbed{}, config: load.Config{Params: params}, injector: newInjector(nil)}
			assert.Equal(t, c.want, nothingHappened(r, "two topics"))
		})
	}
}
