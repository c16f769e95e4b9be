package spool

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

func small() Options {
	return Options{MaxBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)}
}

func open(t *testing.T, dir string, o Options) *Spool {
	t.Helper()
	s, err := Open(t.Context(), dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestOptions(t *testing.T) {
	o := Options{}.withDefaults()
	assert.Equal(t, int64(10<<30), o.MaxBytes)
	assert.Equal(t, int64(64<<20), o.SegmentBytes)
	assert.Equal(t, 100_000, o.Remembered)
	assert.Equal(t, 1024, Options{MaxBytes: 1 << 20}.withDefaults().Remembered)
	assert.NotNil(t, o.Logger)
	require.NoError(t, o.check())
	assert.Equal(t, int64(1<<20), Options{MaxBytes: 4 << 20}.withDefaults().SegmentBytes)

	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"segment too small": {Options{SegmentBytes: 1000}, "Options.SegmentBytes is 1000"},
		"negative":          {Options{MaxBytes: -1}, "Options.SegmentBytes is 0"},
		"one segment":       {Options{MaxBytes: 1 << 20, SegmentBytes: 1 << 20}, "it must be at least twice SegmentBytes, 2097152"},
		"remembered":        {Options{Remembered: -1}, "Options.Remembered is -1"},
		"doubt":             {Options{OnDoubt: 7}, "Options.OnDoubt is 7"},
		"expiration":        {Options{ProducerIDExpiration: -1}, "Options.ProducerIDExpiration is -1ns"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), t.TempDir(), c.options)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// The folder and its files are for their owner only.
func TestOpen_rights(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	open(t, dir, small())
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
}

func TestOpen_contextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	s, err := Open(ctx, dir, small())
	if err == nil { // it was quicker
		require.NoError(t, s.Close())
		return
	}
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool { // it is given back
		s, err := Open(t.Context(), dir, small())
		return err == nil && s.Close() == nil
	}, patience, tick)
}

func TestOpen_noFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Open(t.Context(), file, small())
	require.ErrorContains(t, err, "spool: opening "+file)
}

// Another Open of the same process fails as one of another process does.
func TestOpen_locked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small())
	_, err := Open(t.Context(), dir, small())
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	assert.Equal(t, dir, locked.Dir)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "again")
	open(t, dir, small())
}

func TestOpen_newerVersion(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small())
	require.NoError(t, s.Close())
	setVersion(t, filepath.Join(dir, "control"))
	before := hashes(t, dir)
	_, err := Open(t.Context(), dir, small())
	var newer *VersionError
	require.ErrorAs(t, err, &newer)
	assert.Greater(t, newer.Found, newer.Known)
	assert.Equal(t, dir, newer.Dir)
	assert.Equal(t, before, hashes(t, dir), "nothing was changed")
}

func TestAttach(t *testing.T) {
	s := open(t, t.TempDir(), small())
	claim := spoolstore.Claim{Topics: []string{"events"}}
	claimed, err := s.Attach(claim)
	require.NoError(t, err)
	assert.NotNil(t, claimed.Store)
	assert.False(t, claimed.Hold)
	_, err = s.Attach(claim)
	require.ErrorContains(t, err, "in use by another forwarder")
	s.Detach(claim)
	_, err = s.Attach(spoolstore.Claim{Topics: []string{"others"}})
	require.NoError(t, err, "nothing is left of the former topic")
	s.Detach(claim)
	require.NoError(t, s.Close())
	_, err = s.Attach(claim)
	require.ErrorIs(t, err, ErrClosed)
}

// A refused message can be put again once, or discarded once.
func TestRefused(t *testing.T) {
	s := open(t, t.TempDir(), small())
	claimed, err := s.Attach(spoolstore.Claim{Topics: []string{"events"}})
	require.NoError(t, err)
	for _, value := range []string{"one", "two", "three"} {
		ticket, err := claimed.Store.Add(t.Context(), &spoolstore.Entry{
			Topic: "events", Key: []byte("7"), Messages: []spoolstore.Message{{Value: []byte(value), Part: "1/2"}},
		})
		require.NoError(t, err)
		require.NoError(t, ticket.Wait(t.Context()))
		claimed.Store.Refuse([]spoolstore.Range{{First: ticket.First, Next: ticket.First + 1}},
			spoolstore.Refusal{Code: 10, Reason: "too large"}, nil, spoolstore.End{})
	}
	require.Equal(t, 3, s.Stats().Refused)
	require.Zero(t, s.Stats().Messages)
	var list []*RefusedMessage
	for m, err := range s.Refused() {
		require.NoError(t, err)
		assert.Equal(t, []any{"events", "7", "1/2", int16(10), "too large"}, []any{m.Topic, string(m.Key), m.Part, m.Code, m.Reason})
		if list = append(list, m); len(list) == 2 {
			break
		}
	}
	assert.Equal(t, "one", string(list[0].Value))
	require.NoError(t, list[0].PutAgain(t.Context()))
	require.ErrorIs(t, list[0].PutAgain(t.Context()), ErrNotRefused)
	require.ErrorIs(t, list[0].Discard(), ErrNotRefused)
	require.NoError(t, list[1].Discard())
	require.ErrorIs(t, list[1].PutAgain(t.Context()), ErrNotRefused)
	assert.Equal(t, 1, s.Stats().Refused)
	assert.Equal(t, 1, s.Stats().Messages)
	r, err := claimed.Store.Cursor(0).Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", string(r.Entry.Messages[0].Value))
	assert.Equal(t, "events", r.Entry.Topic)
}

// A refused message has a number of its own, which stays across a restart.
func TestRefused_number(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small())
	refuse(t, s, "events", "one", "two")
	before := numbersOf(t, s)
	require.Len(t, before, 2)
	assert.NotEqual(t, before[0], before[1])
	require.NoError(t, s.Close())
	s = open(t, dir, small())
	assert.Equal(t, before, numbersOf(t, s))
	for m, err := range s.Refused() {
		require.NoError(t, err)
		require.NoError(t, m.Discard())
	}
	refuse(t, s, "events", "three")
	after := numbersOf(t, s)
	require.Len(t, after, 1)
	assert.NotContains(t, before, after[0], "no other message ever has it")
}

// Messages for a topic are told to those who would serve others.
func TestCheckTopics(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small())
	require.NoError(t, s.CheckTopics("anything"), "it is empty")
	refuse(t, s, "events", "one", "two")
	require.NoError(t, s.CheckTopics("others", "events"))
	for range 2 { // it changes nothing
		err := s.CheckTopics("others")
		var other *TopicError
		require.ErrorAs(t, err, &other)
		assert.Equal(t, TopicError{Dir: dir, Topic: "events", Messages: 2}, *other)
	}
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.CheckTopics("events"), ErrClosed)
}

// The format is the one that a reader must know.
func TestStats_format(t *testing.T) {
	s := open(t, t.TempDir(), small())
	assert.Equal(t, 1, s.Stats().Format)
	claimed, err := s.Attach(spoolstore.Claim{Topics: []string{"events"}})
	require.NoError(t, err)
	ticket, err := claimed.Store.Add(t.Context(), &spoolstore.Entry{
		Topic: "events", Messages: []spoolstore.Message{{Value: []byte("one")}}, Window: spoolstore.Window{End: time.Now().Add(time.Hour)},
	})
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))
	assert.Equal(t, 2, s.Stats().Format, "it has had a window")
}

// refuse stores messages for a topic, which brokers then refuse.
func refuse(t *testing.T, s *Spool, topic string, values ...string) {
	t.Helper()
	claim := spoolstore.Claim{Topics: []string{topic}}
	claimed, err := s.Attach(claim)
	require.NoError(t, err)
	defer s.Detach(claim)
	for _, value := range values {
		ticket, err := claimed.Store.Add(t.Context(), &spoolstore.Entry{Topic: topic, Messages: []spoolstore.Message{{Value: []byte(value)}}})
		require.NoError(t, err)
		require.NoError(t, ticket.Wait(t.Context()))
		claimed.Store.Refuse([]spoolstore.Range{{First: ticket.First, Next: ticket.First + 1}},
			spoolstore.Refusal{Code: 10, Reason: "too large"}, nil, spoolstore.End{})
	}
}

func numbersOf(t *testing.T, s *Spool) (numbers []uint64) {
	t.Helper()
	for m, err := range s.Refused() {
		require.NoError(t, err)
		numbers = append(numbers, m.Number)
	}
	return numbers
}
