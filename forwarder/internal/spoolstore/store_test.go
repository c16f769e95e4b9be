package spoolstore

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

func TestStore_readsBackWhatWasStored(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	want := &Entry{
		Topic: "events", Key: []byte("7"), ID: "message-1", Digest: [32]byte{1, 2, 3},
		Source: Source{File: "a.ndjson", Offset: 123456}, Accepted: time.UnixMilli(1700000000123),
		Messages: []Message{
			{Value: []byte(`{"a":1}`), Part: "1/2", Headers: []Header{{Key: "h", Value: []byte("v")}}},
			{Value: []byte{}, Part: "2/2"},
		},
	}
	ticket, err := s.Add(t.Context(), want)
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))

	s = open(t, crash(t, d, s), small())
	r, err := s.Cursor(0).Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want, r.Entry)
	assert.Equal(t, Range{1, 3}, r.Range())
}

func TestStore_keylessStaysKeyless(t *testing.T) {
	s := open(t, disktest.New(1), small())
	for _, key := range [][]byte{nil, {}} {
		e := entry("v")
		e.Key = key
		ticket, err := s.Add(t.Context(), e)
		require.NoError(t, err)
		require.NoError(t, ticket.Wait(t.Context()))
	}
	c := s.Cursor(0)
	r, err := c.Next(t.Context())
	require.NoError(t, err)
	assert.Nil(t, r.Entry.Key)
	r, err = c.Next(t.Context())
	require.NoError(t, err)
	assert.NotNil(t, r.Entry.Key)
}

func TestStore_doneSurvivesACrash(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	first := store(t, s, numbered(0, 10)...)
	s.Done([]Range{{first, first + 3}, {first + 5, first + 6}}, nil, End{})
	require.NoError(t, s.Intend([]Intent{{Partition: Partition{ID: 1}, Messages: []Range{{first + 3, first + 4}}}}))
	s = open(t, crash(t, d, s), small())
	assert.Equal(t, []string{"value 3", "value 4", "value 6", "value 7", "value 8", "value 9"}, pending(t, s))
	require.Len(t, s.OpenIntents(), 1)
	assert.Equal(t, []Range{{first + 3, first + 4}}, s.OpenIntents()[0].Messages)
}

func TestStore_recyclesWhatIsDone(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	value := string(bytes.Repeat([]byte("x"), 1000))
	for range 1000 { // thirty times what the disk may take
		n := store(t, s, value)
		s.Done([]Range{{n, n + 1}}, nil, End{})
	}
	eventually(t, func() bool { return s.Stats().Bytes <= 3*small().SegmentBytes })
	names, err := d.List()
	require.NoError(t, err)
	assert.LessOrEqual(t, len(names), 13, "ten segments, one for merging, the control file, that of tags")
}

// One partition of twelve waits: it must not keep the disk of the others.
func TestStore_mergesWhatIsLeft(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	value := string(bytes.Repeat([]byte("x"), 900))
	var kept []string
	for i := range 1200 {
		v := value + numbered(i, i+1)[0]
		n := store(t, s, v)
		if i%12 == 0 {
			kept = append(kept, v)
			continue
		}
		s.Done([]Range{{n, n + 1}}, nil, End{})
	}
	assert.True(t, slices.Equal(kept, pending(t, s)))
	eventually(t, func() bool {
		left := int64(len(kept)) * 1000
		return s.Stats().Bytes <= 2*left+2*small().SegmentBytes
	})
	require.NoError(t, s.Intend(nil)) // and all marks with it
	s = open(t, crash(t, d, s), small())
	assert.True(t, slices.Equal(kept, pending(t, s)), "after a crash")
	assert.Empty(t, s.Damage())
}

// What is done may be pending again after a power cut, as what an intent names
// is, until the control file says otherwise: it must not be left out of a merged
// segment before.
func TestStore_mergesNoMarkThatMayBeLost(t *testing.T) {
	open := 0
	for seed := range uint64(10) {
		if mergeAndCut(t, seed) {
			open++
		}
	}
	assert.Positive(t, open, "marks that were lost") // a write that fails may have been done
}

// mergeAndCut cuts the power while marks cannot be written that a merge goes by.
// It reports whether they are lost.
func mergeAndCut(t *testing.T, seed uint64) bool {
	t.Helper()
	d := disktest.New(seed)
	copied := make(chan struct{})
	var failing, copying atomic.Bool
	d.Before = func(op disktest.Op) error {
		if failing.Load() && op.Name == controlName {
			return errors.New("it fails")
		}
		if copying.Load() && op.Kind == disktest.Sync && strings.HasPrefix(op.Name, segmentPrefix) && copying.CompareAndSwap(true, false) {
			close(copied) // nothing is added any more: it is a merged segment
		}
		return nil
	}
	s := open(t, d, small())
	value := string(bytes.Repeat([]byte("x"), 900))
	var done, all []Range
	var values, kept []string
	for i := range 200 {
		v := value + numbered(i, i+1)[0]
		n := store(t, s, v)
		values = append(values, v)
		all = append(all, Range{n, n + 1})
		if i%12 > 0 {
			done = append(done, Range{n, n + 1})
		} else {
			kept = append(kept, v)
		}
	}
	p := Partition{ID: 1}
	require.NoError(t, s.Intend([]Intent{{Partition: p, Messages: all}}))
	failing.Store(true)
	copying.Store(true)
	s.Done(done, &p, End{Outcome: Acknowledged})
	select {
	case <-copied:
	case <-time.After(30 * time.Second):
		require.Fail(t, "nothing is merged")
	}
	<-time.After(20 * time.Millisecond) // so that it could go on
	left := d.Cut()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Close(ctx) // its disk answers nothing any more

	s = open(t, left, small())
	assert.Empty(t, s.Damage())
	lost := len(s.OpenIntents()) > 0
	if lost {
		kept = values
	}
	assert.True(t, slices.Equal(kept, pending(t, s)), "lost %v", lost)
	return lost
}

func TestStore_fullWaitsAndGoesOn(t *testing.T) {
	s := open(t, disktest.New(1), small())
	value := string(bytes.Repeat([]byte("x"), 4000))
	var numbers []uint64
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		ticket, err := s.Add(ctx, entry(value))
		cancel()
		if err != nil {
			var full *FullError
			require.ErrorAs(t, err, &full)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorAs(t, s.Accepts(), &full)
			break
		}
		require.NoError(t, ticket.Wait(t.Context()))
		numbers = append(numbers, ticket.First)
		require.NoError(t, s.Accepts())
	}
	assert.Greater(t, len(numbers), 40)
	added := make(chan error)
	go func() {
		_, err := s.Add(t.Context(), entry(value))
		added <- err
	}()
	for _, n := range numbers[:20] {
		s.Done([]Range{{n, n + 1}}, nil, End{})
	}
	require.NoError(t, <-added, "room came back")
	require.NoError(t, s.Accepts())
}

func TestStore_tooLarge(t *testing.T) {
	s := open(t, disktest.New(1), small())
	_, err := s.Add(t.Context(), entry(string(make([]byte, 40<<10))))
	var large *TooLargeError
	require.ErrorAs(t, err, &large)
}

func TestStore_refused(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	first := store(t, s, numbered(0, 5)...)
	at := time.UnixMilli(1700000000000)
	s.Refuse([]Range{{first + 1, first + 3}}, Refusal{Code: 10, Reason: "too large", At: at}, nil, End{})
	assert.Equal(t, []string{"value 0", "value 3", "value 4"}, pending(t, s))
	require.NoError(t, s.Intend(nil))
	require.True(t, s.flushed(s.appended))

	s = open(t, crash(t, d, s), small())
	var list []*RefusedMessage
	for m, err := range s.Refused() {
		require.NoError(t, err)
		list = append(list, m)
	}
	require.Len(t, list, 2)
	assert.Equal(t, "value 1", string(list[0].Entry.Messages[0].Value))
	assert.Equal(t, Refusal{Code: 10, Reason: "too large", At: at}, list[0].Refusal)
	assert.Equal(t, 3, s.Stats().Messages)

	require.NoError(t, s.PutAgain(t.Context(), list[0].Number))
	s.Discard(list[1].Number)
	assert.Equal(t, []string{"value 0", "value 3", "value 4", "value 1"}, pending(t, s))
	assert.Zero(t, s.Stats().Refused)
}

// What was in doubt stays so, and the last timestamps are known, across crashes and
// ledgers that are written anew.
func TestStore_doubtAndTimestampsSurvive(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	first := store(t, s, numbered(0, 6)...)
	p, other := Partition{Topic: "t", ID: 1}, Partition{Topic: "t", ID: 2}
	require.NoError(t, s.Intend([]Intent{
		{Partition: p, Messages: []Range{{first, first + 2}}, Whole: []Range{{first, first + 3}}, Timestamps: []int64{1700000000000}},
		{Partition: other, Messages: []Range{{first + 4, first + 5}}, Timestamps: []int64{1700000000007}},
	}))
	s.End(p, End{Outcome: Doubtful, Offset: -1})
	s.Done([]Range{{first + 4, first + 5}}, &other, End{Outcome: Acknowledged, Offset: 5})
	require.NoError(t, s.Intend(nil)) // and what is before it
	for range 3 {
		s = open(t, crash(t, d, s), small())
		d = s.fs.(*disktest.Disk) //nolint:errcheck,forcetypeassert // see open
		assert.Empty(t, s.OpenIntents())
		for i, want := range []bool{true, true, true, false, false, false} {
			n := first + uint64(i) //nolint:gosec // few
			assert.Equal(t, want, s.Doubtful(Range{n, n + 1}), "message %d", i)
		}
		assert.Equal(t, int64(1700000000000), s.LastTimestamp(p))
		assert.Equal(t, int64(1700000000007), s.LastTimestamp(other), "though its intent has ended")
		assert.Zero(t, s.LastTimestamp(Partition{Topic: "u", ID: 1}))
		assert.Equal(t, []string{"value 0", "value 1", "value 2", "value 3", "value 5"}, pending(t, s))
	}
}

// What an entry stands for is done as soon as the entry is stored, even if the
// process ends before the control file says so.
func TestStore_partsAreDoneWithTheEntry(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	first := store(t, s, "a", "b", "c")
	merged := entry("a+b")
	merged.Parts = []Range{{first, first + 2}}
	ticket, err := s.Add(t.Context(), merged)
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))
	s = open(t, crash(t, d, s), small())
	assert.Equal(t, []string{"c", "a+b"}, pending(t, s))
}

func TestStore_topicSurvives(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	want := Topic{Name: "events", ClusterID: "c", ID: [16]byte{9}}
	require.NoError(t, s.SetTopic(want))
	s = open(t, crash(t, d, s), small())
	got, ok := s.Topic("events")
	assert.True(t, ok)
	assert.Equal(t, want, got)
}

func TestStore_closesAllFiles(t *testing.T) {
	d := disktest.New(1)
	s := open(t, d, small())
	store(t, s, numbered(0, 100)...)
	stop(t, s)
	assert.Zero(t, d.OpenFiles())
	_, err := s.Add(t.Context(), entry("late"))
	assert.ErrorIs(t, err, ErrClosed)
}

// A number that a caller was told is no other message's after a crash, though its
// own never reached the disk.
func TestStore_numbersAfterACrash(t *testing.T) {
	d := disktest.New(1)
	var gone atomic.Bool
	d.Before = func(disktest.Op) error {
		if gone.Load() {
			return disktest.ErrPowerCut // a write that merely fails may have written all
		}
		return nil
	}
	s := open(t, d, small())
	kept := store(t, s, "kept")
	gone.Store(true)
	ticket, err := s.Add(t.Context(), entry("never written"))
	require.NoError(t, err)
	told := ticket.First
	assert.Greater(t, told, kept)
	after := crash(t, d, s)

	s = open(t, after, small())
	assert.Equal(t, []string{"kept"}, pending(t, s))
	assert.Greater(t, store(t, s, "another"), told)
	assert.Equal(t, []string{"kept", "another"}, pending(t, s))
	assert.Empty(t, s.Damage())
	s = open(t, crash(t, after, s), small())
	assert.Equal(t, []string{"kept", "another"}, pending(t, s))
	assert.Empty(t, s.Damage())
}
