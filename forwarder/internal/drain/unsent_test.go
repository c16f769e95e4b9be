package drain

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/disktest"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A topic says that messages wait in the store for its partitions, from the first message
// on and until the producer has it. One that has nothing to send says nothing.
func TestUnsent_unmet(t *testing.T) {
	s := openStore(t)
	topics, producers := topicsOf(s, 2)
	var begun atomic.Int32
	for i := range topics {
		topics[i].Unsent = &Unsent{Begun: func() { begun.Add(1) }}
	}
	d := New(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: 1 << 20, Settled: func(uint64, MessageResult, *Ended) {}})
	defer d.Close()
	began := time.Now()
	first := addFor(t, s, "user", 1, topics[0])
	second := addFor(t, s, "user", 1, topics[0])
	var w producer.Waiting
	eventually(t, func() (ok bool) {
		w, ok = topics[0].Unsent.Waiting(0)
		return ok
	})
	assert.Equal(t, producer.NoPartition, w.Partition)
	assert.False(t, w.Since.Before(began))
	assert.Equal(t, "asking the brokers for the topic", w.Next)
	_, ok := topics[0].Unsent.Waiting(time.Hour)
	assert.False(t, ok, "not for so long")
	assert.EqualValues(t, 1, begun.Load())

	third := addFor(t, s, "user", 1, topics[1])
	eventually(t, func() bool { return waits(topics[1]) })
	producers[0].partitions.Store(1)
	requireSubmitted(t, producers[0], 0, first, second)
	eventually(t, func() bool { return !waits(topics[0]) })
	assert.True(t, waits(topics[1]))
	producers[1].partitions.Store(1)
	requireSubmitted(t, producers[1], 0, third)
	eventually(t, func() bool { return !waits(topics[1]) })
	assert.EqualValues(t, 2, begun.Load())
}

// What an entry had for a topic, and is done, waits for nothing.
func TestUnsent_partIsDone(t *testing.T) {
	s := openStore(t)
	topics, _ := topicsOf(s, 2)
	for i := range topics {
		topics[i].Unsent = &Unsent{}
	}
	first := addFor(t, s, "user", 1, topics...)
	s.Done([]spoolstore.Range{{First: first, Next: first + 1}}, nil, spoolstore.End{})
	d := New(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: 1 << 20, Settled: func(uint64, MessageResult, *Ended) {}})
	defer d.Close()
	eventually(t, func() bool { return waits(topics[1]) })
	assert.False(t, waits(topics[0]))
}

// What lies in windows is meant to wait.
func TestUnsent_window(t *testing.T) {
	s := openStore(t)
	topics, _ := topicsOf(s, 1)
	topics[0].Unsent = &Unsent{}
	var asked, open atomic.Bool
	open.Store(true)
	d := New(Config{
		Store: s, Topics: topics, Hash: hash, MaxBytes: 1 << 20, Settled: func(uint64, MessageResult, *Ended) {},
		Waits: func(*spoolstore.Record) bool {
			asked.Store(true)
			return open.Load()
		},
	})
	defer d.Close()
	addFor(t, s, "user", 1, topics[0])
	eventually(t, asked.Load)
	open.Store(false)
	assert.False(t, waits(topics[0]))
	addFor(t, s, "user", 1, topics[0])
	eventually(t, func() bool { return waits(topics[0]) })
}

// While the disk cannot be read, every topic says so, with the disk's error.
func TestUnsent_unreadable(t *testing.T) {
	cause := errors.New("input/output error")
	var broken atomic.Bool
	s, err := spoolstore.Open(unreadable{disktest.New(1), &broken, cause}, spoolstore.Options{
		MaxBytes: 4 << 20, SegmentBytes: 256 << 10, GroupBytes: 32 << 10, ControlBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close(t.Context())) }()
	topics, producers := topicsOf(s, 2)
	for i := range topics {
		topics[i].Unsent = &Unsent{}
		producers[i].partitions.Store(1)
	}
	first := addFor(t, s, "user", 1, topics[0])
	broken.Store(true)
	d := New(Config{Store: s, Topics: topics, Hash: hash, MaxBytes: 1 << 20, Settled: func(uint64, MessageResult, *Ended) {}})
	defer d.Close()
	for _, topic := range topics {
		var w producer.Waiting
		eventually(t, func() (ok bool) {
			w, ok = topic.Unsent.Waiting(200 * time.Millisecond) // longer than the pause between two attempts
			return ok
		})
		require.ErrorIs(t, w.Cause, cause)
		assert.ErrorContains(t, w.Cause, "the spool cannot be read: check its disk: ")
		assert.True(t, w.Certain)
		assert.Equal(t, "reading the spool again", w.Next)
	}
	broken.Store(false)
	requireSubmitted(t, producers[0], 0, first)
	eventually(t, func() bool { return !waits(topics[0]) && !waits(topics[1]) })
}

func waits(t Topic) bool {
	_, ok := t.Unsent.Waiting(0)
	return ok
}

func eventually(t *testing.T, what func() bool) {
	t.Helper()
	require.Eventually(t, what, time.Minute, time.Millisecond)
}

// An unreadable disk fails all reads of files that it has made, while broken.
type unreadable struct {
	disk.FS
	broken *atomic.Bool
	cause  error
}

func (u unreadable) Create(name string, size int64) (disk.File, error) {
	f, err := u.FS.Create(name, size)
	return unreadableFile{f, u}, err
}

type unreadableFile struct {
	disk.File
	disk unreadable
}

func (f unreadableFile) ReadAt(b []byte, at int64) (int, error) {
	if f.disk.broken.Load() {
		return 0, fmt.Errorf("read: %w", f.disk.cause)
	}
	return f.File.ReadAt(b, at)
}
