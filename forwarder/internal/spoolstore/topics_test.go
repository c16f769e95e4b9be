package spoolstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// Messages keep the topic that they name, also when they are put again by themselves.
func TestEntry_severalTopics(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	e := entry("one", "two", "three")
	e.Topic, e.Messages[1].Topic, e.Messages[2].Topic = "a", "b", "b"
	ticket, err := s.Add(t.Context(), e)
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))
	last := ticket.First + 2
	s.Refuse([]Range{{last, last + 1}}, Refusal{Reason: "too large"}, nil, End{})
	counts, err := s.CountByTopic()
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"a": 1, "b": 2}, counts)

	s = open(t, crash(t, d, s), small())
	r, err := s.ReadRecord(ticket.First)
	require.NoError(t, err)
	for i, want := range []string{"a", "b", "b"} {
		assert.Equal(t, want, r.Entry.TopicOf(i))
	}
	for m, err := range s.Refused() {
		require.NoError(t, err)
		assert.Equal(t, "b", m.Entry.Topic)
	}
	s.Done([]Range{{ticket.First, ticket.First + 2}}, nil, End{})
	require.NoError(t, s.PutAgain(t.Context(), last))
	counts, err = s.CountByTopic()
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"b": 1}, counts)
}

// A cut of the power leaves all messages of an entry or none, whatever their topics.
// Two entries, though added one after the other, are another matter, and the check
// sees it.
func TestPower_topicsTogether(t *testing.T) {
	for name, c := range map[string]struct {
		apart    bool
		attempts uint64
	}{"one entry": {false, 200}, "two entries": {true, 1000}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			torn := 0
			for seed := uint64(0); seed < c.attempts && (torn == 0 || !c.apart); seed++ {
				torn += tornByCut(t, seed, c.apart)
			}
			assert.Equal(t, c.apart, torn > 0)
		})
	}
}

// tornByCut stores batches for two topics until the power is cut, and returns how
// many of them are there by half.
func tornByCut(t *testing.T, seed uint64, apart bool) (torn int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // repeatable
	d := disktest.New(seed)
	var ops atomic.Int64
	cutAt := int64(r.IntN(60))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d.Before = func(disktest.Op) error {
		if ops.Add(1) < cutAt {
			return nil
		}
		cancel()
		return disktest.ErrPowerCut
	}
	s, err := Open(d, small())
	if err != nil {
		require.ErrorIs(t, err, disktest.ErrPowerCut)
		return 0
	}
	var serial atomic.Int64
	var adding sync.WaitGroup
	for range 3 {
		adding.Go(func() {
			for ctx.Err() == nil {
				storeForTwo(ctx, s, int(serial.Add(1)), apart)
			}
		})
	}
	<-ctx.Done()
	closing, stop := context.WithCancel(context.Background())
	stop()
	_ = s.Close(closing) // the power is off
	adding.Wait()
	there := map[string]int{}
	for _, value := range pending(t, open(t, d.Cut(), small())) {
		id, _, _ := strings.Cut(value, " ")
		there[id]++
	}
	for _, messages := range there {
		if messages != 2 {
			torn++
		}
	}
	return torn
}

func storeForTwo(ctx context.Context, s *Store, id int, apart bool) {
	e := entry(fmt.Sprintf("%d %s", id, strings.Repeat("x", 700)), fmt.Sprintf("%d y", id))
	e.Topic, e.Messages[1].Topic = "a", "b"
	list := []*Entry{e}
	if apart {
		other := *e
		other.Topic, other.Messages = "b", []Message{{Value: e.Messages[1].Value}}
		e.Messages = e.Messages[:1]
		list = append(list, &other)
	}
	for _, one := range list {
		ticket, err := s.Add(ctx, one)
		if err != nil {
			return
		}
		if one == list[len(list)-1] {
			_ = ticket.Wait(ctx)
		}
	}
}
