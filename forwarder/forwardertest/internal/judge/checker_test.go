package judge

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
	"github.com/eventferry/eventferry/partition"
)

// A scene is a history and a log that agree, for a test to spoil: one user
// forwards three batches, one after another.
type scene struct {
	params  load.Params
	begun   time.Time
	ahead   time.Time // the forwarder's clock, for the first time
	history []trace.Record
	log     []forwardertest.Message
}

const sceneParts = 4

func newScene() *scene {
	s := &scene{params: load.Params{Seed: 5, Users: 1, Keyless: 1}}
	for n := uint32(1); n <= 3; n++ {
		m := s.message(0, n, 10+n, int64(n-1))
		s.history = append(s.history, s.invoke(0, n, 10+n, m.Value), s.acknowledged(0, n, m))
		s.log = append(s.log, m)
	}
	return s
}

func (s *scene) message(owner int, n, id uint32, offset int64) forwardertest.Message {
	m := forwardertest.Message{Partition: 2, Offset: offset}
	m.Value = s.params.Append(nil, load.Batch{Owner: owner, N: n, ID: id}, 0, s.params.Events(id))
	if user := s.params.User(owner); user != 0 {
		m.Key = strconv.AppendInt(nil, user, 10)
		m.Partition = partition.Murmur2(m.Key, sceneParts)
	}
	return m
}

func (s *scene) invoke(owner int, n, id uint32, value []byte) trace.Record {
	return trace.Record{Kind: trace.Invoke, Owner: owner, N: n, ID: id, Hash: load.Hash(value)}
}

func (s *scene) acknowledged(owner int, n uint32, m forwardertest.Message) trace.Record {
	return trace.Record{Kind: trace.Return, Owner: owner, N: n, Messages: []trace.Message{
		{Outcome: trace.Acknowledged, Partition: m.Partition, Offset: m.Offset},
	}}
}

func (s *scene) outcome(i int, o trace.Outcome) {
	s.history[i].Messages = []trace.Message{{Outcome: o, Partition: -1, Offset: -1}}
}

// timed gives calls and messages their times: one call a second, which takes
// 100 ms.
func (s *scene) timed() {
	s.begun = time.Unix(100, 0)
	for i := range s.log {
		at := time.Duration(i+1) * time.Second
		s.history[2*i].At, s.history[2*i+1].At = at, at+100*time.Millisecond
		s.log[i].Timestamp = s.begun.Add(at + 50*time.Millisecond)
	}
}

// broken returns the invariants that the checker finds broken.
func (s *scene) broken(t *testing.T) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(s.checked(t).counts))
}

// checked returns the checker, which has seen the whole log.
func (s *scene) checked(t *testing.T) *checker {
	t.Helper()
	h, err := newHistory(s.params, filepath.Join(t.TempDir(), "history"))
	require.NoError(t, err)
	defer h.close() //nolint:errcheck // nothing is written
	if s.params.Windows {
		h.spool = newSpoolHistory()
	}
	for _, r := range s.history {
		if r.Kind == trace.Mark { // killed, and started again
			h.begin()
			continue
		}
		require.NoError(t, h.add(&r, false))
	}
	c := newChecker(h, sceneParts)
	c.begun, c.clockAhead = s.begun, s.ahead
	for _, m := range s.log {
		c.check(&m)
	}
	c.finish()
	return c
}

func TestChecker(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(s *scene)
		want  []string
	}{
		{"nothing", func(*scene) {}, nil},
		{"acknowledged, not there", func(s *scene) { s.log = s.log[:2] }, []string{Lost}},
		{"killed, not there", func(s *scene) { s.history, s.log = s.history[:5], s.log[:2] }, nil},
		{"killed, there", func(s *scene) { s.history = s.history[:5] }, nil},
		{"unknown, not there", func(s *scene) { s.outcome(5, trace.Unknown); s.log = s.log[:2] }, nil},
		{"twice", func(s *scene) {
			again := s.log[2]
			again.Offset++
			s.log = append(s.log, again)
		}, []string{Duplicated}},
		{"sent again under another number", func(s *scene) {
			m := s.message(0, 4, 13, 3)
			s.history = append(s.history, s.invoke(0, 4, 13, m.Value), s.acknowledged(0, 4, m))
			s.log = append(s.log, m)
		}, []string{Duplicated}},
		{"not sent, then sent again", func(s *scene) {
			s.outcome(5, trace.NotSent)
			m := s.message(0, 4, 13, 2)
			s.history = append(s.history, s.invoke(0, 4, 13, m.Value), s.acknowledged(0, 4, m))
			s.log[2] = m
		}, nil},
		{"out of order, one after another", func(s *scene) {
			s.log[0], s.log[1] = s.log[1], s.log[0]
			s.outcome(1, trace.Unknown) // offsets are another matter
			s.outcome(3, trace.Unknown)
		}, []string{OutOfOrder, RealTimeOrder}},
		{"out of order in a pipeline", func(s *scene) {
			s.history[1], s.history[2] = s.history[2], s.history[1]
			s.outcome(2, trace.Acknowledged)
			s.outcome(3, trace.Acknowledged)
			s.log[0], s.log[1] = s.log[1], s.log[0]
		}, []string{OutOfOrder}},
		{"killed, then arrived behind the next life", func(s *scene) {
			s.outcome(3, trace.Unknown)
			s.history = slices.Insert(s.history, 4, trace.Record{Kind: trace.Mark})
			s.outcome(6, trace.Acknowledged)
			s.log[1], s.log[2] = s.log[2], s.log[1]
		}, nil},
		{"acknowledged, but behind the next life", func(s *scene) {
			s.outcome(3, trace.Acknowledged)
			s.history = slices.Insert(s.history, 4, trace.Record{Kind: trace.Mark})
			s.outcome(6, trace.Acknowledged)
			s.log[1], s.log[2] = s.log[2], s.log[1]
		}, []string{RealTimeOrder}},
		{"out of order around what a killed life left", func(s *scene) {
			s.history = slices.Insert(s.history, 2, trace.Record{Kind: trace.Mark})
			s.outcome(1, trace.Unknown)
			s.outcome(4, trace.Unknown)
			s.outcome(6, trace.Unknown)
			s.log[0], s.log[1], s.log[2] = s.log[2], s.log[0], s.log[1]
		}, []string{OutOfOrder, RealTimeOrder}},
		{"no key", func(s *scene) { s.log[1].Key = nil }, []string{WrongPartition}},
		{"another partition", func(s *scene) {
			s.log[1].Partition = (s.log[1].Partition + 1) % sceneParts
			s.outcome(3, trace.Acknowledged)
		}, []string{WrongPartition}},
		{"a key without a user", func(s *scene) {
			m := s.message(1, 1, 20, 0)
			m.Key = []byte("1")
			s.history = append(s.history, s.invoke(1, 1, 20, m.Value), s.acknowledged(1, 1, m))
			s.log = append(s.log, m)
		}, []string{WrongPartition}},
		{"keyless, all in one place", func(s *scene) {
			for n := range uint32(40) {
				m := s.message(1, n+1, 20+n, int64(n))
				m.Timestamp = time.Unix(int64(n), 0)
				s.history = append(s.history, s.invoke(1, n+1, 20+n, m.Value), s.acknowledged(1, n+1, m))
				s.log = append(s.log, m)
			}
		}, []string{WrongPartition}},
		{"another byte", func(s *scene) { s.log[1].Value[len(s.log[1].Value)-5] ^= 1 }, []string{AlteredContent}},
		{"nobody's", func(s *scene) { s.log = append(s.log, forwardertest.Message{Value: []byte("{}")}) }, []string{AlteredContent}},
		{"not sent, but there", func(s *scene) { s.outcome(5, trace.NotSent) }, []string{SentAfterNotSent}},
		{"another offset", func(s *scene) { s.log[2].Offset = 7 }, []string{WrongOffset}},
		{"time runs backwards", func(s *scene) {
			s.log[0].Timestamp = time.Unix(2, 0)
			s.log[1].Timestamp = time.Unix(1, 0)
			s.log[2].Timestamp = time.Unix(1, 0)
		}, []string{BadTimestamp}},
		{"the time of each call", func(s *scene) { s.timed() }, nil},
		{"the time of sending", func(s *scene) {
			s.timed()
			s.log[2].Timestamp = s.begun.Add(4 * time.Second)
		}, []string{BadTimestamp}},
		{"a time before the call", func(s *scene) {
			s.timed()
			s.log[0].Timestamp = s.begun.Add(500 * time.Millisecond)
		}, []string{BadTimestamp}},
		{"a minute ahead, as the clock was", func(s *scene) {
			s.timed()
			s.ahead = s.begun.Add(2500 * time.Millisecond)
			s.log[2].Timestamp = s.begun.Add(63 * time.Second)
		}, nil},
		{"two minutes ahead, as the clock was", func(s *scene) {
			s.timed()
			s.ahead = s.begun.Add(2500 * time.Millisecond)
			s.log[2].Timestamp = s.begun.Add(2 * time.Minute)
		}, []string{BadTimestamp}},
		{"a minute ahead, before the clock was", func(s *scene) {
			s.timed()
			s.ahead = s.begun.Add(5 * time.Second)
			s.log[2].Timestamp = s.begun.Add(63 * time.Second)
		}, []string{BadTimestamp}},
		{"another outcome later", func(s *scene) {
			s.history = append(s.history, trace.Record{Kind: trace.Late, N: 2, Messages: []trace.Message{{Outcome: trace.NotSent, Partition: -1, Offset: -1}}})
		}, []string{Contradiction}},
		{"a late outcome", func(s *scene) {
			late := s.history[5]
			late.Kind = trace.Late
			s.outcome(5, trace.Unknown)
			s.history = append(s.history, late)
			s.log = s.log[:2]
		}, []string{Lost}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene()
			tt.spoil(s)
			assert.Equal(t, tt.want, s.broken(t))
		})
	}
}
