package judge

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// A gatheredScene is a history and a log that agree: one user forwards from two devices
// and none, and what each device has sent is one message.
type gatheredScene struct {
	scene
	devices map[int][]load.Batch
}

// newGatheredScene has batches of which none closes a window.
func newGatheredScene(t *testing.T) *gatheredScene {
	t.Helper()
	s := &gatheredScene{devices: map[int][]load.Batch{}}
	s.params = load.Params{Seed: 5, Users: 1, Keyless: 1, Windows: true}
	id := uint32(10)
	for n := uint32(1); n <= 30; n++ {
		for id++; s.params.Closes(id, 0, s.params.Events(id)) || s.params.Events(id) < 3; {
			id++
		}
		b := load.Batch{Owner: 0, N: n, ID: id}
		value := s.params.Append(nil, b, 0, s.params.Events(id))
		s.history = append(s.history, s.invoke(0, n, id, value))
		s.devices[s.params.Device(0, n)] = append(s.devices[s.params.Device(0, n)], b)
	}
	for _, b := range s.devices[0] {
		s.add(b)
	}
	require.Greater(t, len(s.log), 1)
	for device := 1; device < load.Devices; device++ {
		require.Greater(t, len(s.devices[device]), 3)
		s.add(s.devices[device]...)
	}
	return s
}

// add has a window leave, and its batches acknowledged.
func (s *gatheredScene) add(list ...load.Batch) {
	m := s.message(0, list[0].N, list[0].ID, int64(len(s.log)))
	m.Value = s.gather(list...)
	for _, b := range list {
		s.history = append(s.history, s.acknowledged(0, b.N, m))
	}
	s.log = append(s.log, m)
}

// gather returns the message of a window.
func (s *gatheredScene) gather(list ...load.Batch) []byte {
	var events [][]byte
	for _, b := range list {
		events = append(events, s.events(b))
	}
	return s.around(list[len(list)-1], events...)
}

var sceneEvents, sceneRest = []byte(`"events":[`), []byte(`],"environment"`)

func (s *gatheredScene) events(b load.Batch) []byte {
	_, rest, _ := bytes.Cut(s.params.Append(nil, b, 0, s.params.Events(b.ID)), sceneEvents)
	events, _, _ := bytes.Cut(rest, sceneRest)
	return events
}

// around returns events in what b says of itself.
func (s *gatheredScene) around(b load.Batch, events ...[]byte) []byte {
	head, rest, _ := bytes.Cut(s.params.Append(nil, b, 0, 1), sceneEvents)
	_, tail, _ := bytes.Cut(rest, sceneRest)
	return slices.Concat(head, sceneEvents, bytes.Join(events, []byte(",")), sceneRest, tail)
}

func TestChecker_windows(t *testing.T) {
	first := func(s *gatheredScene) *forwardertest.Message { return &s.log[len(s.log)-2] } // of device 1
	for name, c := range map[string]struct {
		spoil func(s *gatheredScene)
		want  []string
	}{
		"nothing": {func(*gatheredScene) {}, nil},
		"several windows": {func(s *gatheredScene) {
			list := s.devices[1]
			s.log = s.log[:len(s.log)-2]
			s.history = s.history[:len(s.history)-len(list)-len(s.devices[2])]
			s.add(list[:2]...)
			s.add(s.devices[2]...)
			s.add(list[2:]...)
		}, nil},
		"an event lost": {func(s *gatheredScene) {
			list := s.devices[1]
			events := s.events(list[1])
			parts := bytes.SplitN(events, []byte(`,{"event_type"`), 2)
			var all [][]byte
			for _, b := range list {
				all = append(all, s.events(b))
			}
			all[1] = parts[0]
			first(s).Value = s.around(list[len(list)-1], all...)
		}, []string{Lost}},
		"a batch lost": {func(s *gatheredScene) { first(s).Value = s.gather(s.devices[1][1:]...) }, []string{Lost}},
		"a batch twice": {func(s *gatheredScene) {
			first(s).Value = s.gather(append(s.devices[1][:1:1], s.devices[1]...)...)
		}, []string{Duplicated}},
		"two swapped": {func(s *gatheredScene) {
			list := slices.Clone(s.devices[1])
			list[0], list[1] = list[1], list[0]
			first(s).Value = s.gather(list...)
		}, []string{OutOfOrder}},
		"two events of a batch swapped": {func(s *gatheredScene) {
			list := s.devices[1]
			last := list[len(list)-1]
			events := bytes.Split(s.events(last), []byte(`,{"event_type"`))
			for i := range events[1:] {
				events[i+1] = append([]byte(`{"event_type"`), events[i+1]...)
			}
			events[0], events[1] = events[1], events[0]
			var all [][]byte
			for _, b := range list[:len(list)-1] {
				all = append(all, s.events(b))
			}
			first(s).Value = s.around(last, append(all, events...)...)
		}, []string{OutOfOrder}},
		"around it the first": {func(s *gatheredScene) {
			var all [][]byte
			for _, b := range s.devices[1] {
				all = append(all, s.events(b))
			}
			first(s).Value = s.around(s.devices[1][0], all...)
		}, []string{MixedWindow}},
		"around it another device": {func(s *gatheredScene) {
			first(s).Value = bytes.Replace(first(s).Value, []byte(`"mp_deviceid":"0/1"`), []byte(`"mp_deviceid":"0/2"`), 1)
		}, []string{MixedWindow}},
		"two devices": {func(s *gatheredScene) {
			one, other := s.devices[1], s.devices[2]
			s.log = s.log[:len(s.log)-2]
			s.history = s.history[:len(s.history)-len(one)-len(other)]
			s.add(append(slices.Clone(one), other...)...)
		}, []string{MixedWindow}},
		"without a device, together": {func(s *gatheredScene) {
			list := s.devices[0]
			s.log, s.history = s.log[:len(s.log)-2], s.history[:len(s.history)-len(s.devices[1])-len(s.devices[2])]
			s.log, s.history = s.log[:len(s.log)-2], s.history[:len(s.history)-2]
			s.add(list[len(list)-2:]...)
		}, []string{MixedWindow}},
		"a byte changed": {func(s *gatheredScene) {
			first(s).Value = bytes.Replace(first(s).Value, []byte(`"text":"`), []byte(`"Text":"`), 1)
		}, []string{AlteredContent}},
		"no events": {func(s *gatheredScene) {
			s.log = append(s.log, forwardertest.Message{Value: []byte(`{"events":[]}`)})
		}, []string{MixedWindow}},
		"nobody's": {func(s *gatheredScene) {
			s.log = append(s.log, forwardertest.Message{Value: []byte(`{"events":[{}]}`)})
		}, []string{AlteredContent}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newGatheredScene(t)
			c.spoil(s)
			assert.Equal(t, c.want, s.broken(t))
		})
	}
}

// Of a batch that nobody was told about all is there, or nothing.
func TestChecker_windowsAllOrNothing(t *testing.T) {
	for name, want := range map[string][]string{"nothing": nil, "some": {Lost}, "all": nil} {
		t.Run(name, func(t *testing.T) {
			s := newGatheredScene(t)
			last := s.devices[2][len(s.devices[2])-1]
			s.history = s.history[:len(s.history)-1] // killed
			n := map[string]int{"nothing": 0, "some": 1, "all": s.params.Events(last.ID)}[name]
			m := &s.log[len(s.log)-1]
			m.Value = s.gather(s.devices[2][:len(s.devices[2])-1]...)
			if n > 0 {
				own := m
				s.log = append(s.log, *own)
				s.log[len(s.log)-1].Offset++
				s.log[len(s.log)-1].Value = s.params.Append(nil, last, 0, n)
			}
			assert.Equal(t, want, s.broken(t))
		})
	}
}

// Behind an event that closes its window nothing is in the same message.
func TestChecker_windowsClosed(t *testing.T) {
	s := &gatheredScene{}
	s.params = load.Params{Seed: 5, Users: 1, Keyless: 1, Windows: true}
	var list []load.Batch
	closing := uint32(1)
	for !s.params.Closes(closing, 0, s.params.Events(closing)) {
		closing++
	}
	other := closing + 1
	for s.params.Closes(other, 0, s.params.Events(other)) {
		other++
	}
	id := map[bool]uint32{true: closing, false: other}
	for n := uint32(1); n <= 30 && len(list) < 2; n++ {
		one := id[len(list) == 0]
		if s.params.Device(0, n) != 1 {
			one = other + 100 + n
		}
		b := load.Batch{Owner: 0, N: n, ID: one}
		s.history = append(s.history, s.invoke(0, n, one, s.params.Append(nil, b, 0, s.params.Events(one))))
		if s.params.Device(0, n) == 1 {
			list = append(list, b)
		}
	}
	require.Len(t, list, 2)
	require.True(t, s.params.Joins(list[0], list[1]))
	together, alone := *s, *s
	together.add(list...)
	assert.Equal(t, []string{MixedWindow}, together.broken(t))
	alone.add(list[0])
	alone.add(list[1])
	assert.Empty(t, alone.broken(t))
	assert.Equal(t, trace.Return, alone.history[len(alone.history)-1].Kind)
}

// A run whose windows do not gather proves nothing, also without controls.
func TestRun_checkCoverage_windows(t *testing.T) {
	gathers := newGatheredScene(t)
	alone := newGatheredScene(t)
	alone.log, alone.history = nil, alone.history[:30] // its calls
	for _, list := range alone.devices {
		for _, b := range list {
			alone.add(b)
		}
	}
	needed := func(c *checker) []string {
		r := &run{history: c.h, checker: c, testbed: &testbed{spool: true}, config: load.Config{Params: c.h.params}, injector: newInjector(nil)}
		return nothingHappened(r, "several batches")
	}
	assert.Equal(t, []string{"0 messages with several batches, 100 are needed"}, needed(alone.checked(t)))
	assert.Equal(t, []string{"2 messages with several batches, 100 are needed"}, needed(gathers.checked(t)))
	c := gathers.checked(t)
	c.gathered.messages = leastGathered
	assert.Empty(t, needed(c))
}

// nothingHappened returns what a run lacks of a kind, by which it has failed.
func nothingHappened(r *run, kind string) (list []string) {
	r.checkCoverage()
	for _, v := range r.checker.violations {
		if v.Invariant == NothingHappened && strings.Contains(v.Text, kind) {
			list = append(list, v.Text)
		}
	}
	return list
}
