package drain

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// fakeProducer has one queue for each partition, and acknowledges when told to.
type fakeProducer struct {
	partitions atomic.Int32
	store      *spoolstore.Store

	mu     sync.Mutex
	queues map[int32][]*queued
	bytes  int
	most   int
}

type queued struct {
	group *producer.Group
	index int
}

func hash(key []byte, partitions int32) int32 {
	n := int32(0)
	for _, c := range key {
		n = n*31 + int32(c)
	}
	return (n & 0x7fffffff) % partitions
}

func (p *fakeProducer) Submit(g *producer.Group) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := int32(0)
	if g.Fixed > 0 {
		at = g.Fixed - 1
	}
	for i := range g.Messages {
		p.queues[at] = append(p.queues[at], &queued{g, i})
		p.bytes += g.Messages[i].Size()
	}
	p.most = max(p.most, p.bytes)
}

func (p *fakeProducer) Withdraw(*producer.Group) (int32, int)    { return -1, 0 }
func (p *fakeProducer) Waiting(time.Duration) []producer.Waiting { return nil }
func (p *fakeProducer) Close() error                             { return nil }

// acknowledge ends the first message of a partition.
func (p *fakeProducer) acknowledge(partition int32) (number uint64, key string, ok bool) {
	p.mu.Lock()
	queue := p.queues[partition]
	if len(queue) == 0 {
		p.mu.Unlock()
		return 0, "", false
	}
	q := queue[0]
	p.queues[partition] = queue[1:]
	m := &q.group.Messages[q.index]
	if strings.Contains(string(m.Value), "y") {
		panic("its memory has another batch already")
	}
	p.bytes -= m.Size()
	p.mu.Unlock()
	number = q.group.First + uint64(q.index) //nolint:gosec // an index
	p.store.Done([]spoolstore.Range{{First: number, Next: number + 1}}, nil, spoolstore.End{})
	q.group.Owner.Settle(q.index, producer.Result{Outcome: producer.Acknowledged})
	return number, string(m.Key), true
}

func openStore(t *testing.T) *spoolstore.Store {
	t.Helper()
	s, err := spoolstore.Open(disktest.New(1), spoolstore.Options{
		MaxBytes: 16 << 20, SegmentBytes: 256 << 10, GroupBytes: 32 << 10, ControlBytes: 1 << 20,
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.NoError(t, s.Close(ctx))
	})
	return s
}

// Users' messages arrive in order and once, however partitions stand still and
// go on, while their number grows, and with no more in memory than allowed.
func TestDrain_orderPerUser(t *testing.T) {
	var kept atomic.Int64 // entries whose memory the store had
	t.Cleanup(func() { assert.Greater(t, kept.Load(), int64(1000)) })
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			kept.Add(orderPerUser(t, rand.New(rand.NewPCG(seed, 1)))) //nolint:gosec // repeatable
		})
	}
}

func orderPerUser(t *testing.T, r *rand.Rand) (memories int64) {
	t.Helper()
	const maxBytes, entries = 64 << 10, 1500
	s := openStore(t)
	p := &fakeProducer{store: s, queues: map[int32][]*queued{}}
	p.partitions.Store(3)
	var recycled atomic.Int64
	d := newDrain(Config{
		Store: s, Topics: []Topic{{Producer: p, Partitions: p.partitions.Load}}, Hash: hash, MaxBytes: maxBytes,
		Settled: func(uint64, MessageResult, *Ended) {},
		Recycle: func(b *[]byte) { recycled.Add(1); used(*b) },
	})
	d.turnAfter = maxBytes / 16 // so that lanes often take turns
	d.start()
	defer d.Close()

	var kept atomic.Int64
	var total atomic.Int64
	var adding sync.WaitGroup
	seed := r.Uint64()
	adding.Go(func() {
		r := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // repeatable
		for range entries {
			e := &spoolstore.Entry{Key: fmt.Appendf(nil, "user %d", r.IntN(50))}
			if r.IntN(10) == 0 {
				e.Key = nil
			}
			for range 1 + r.IntN(3) {
				e.Messages = append(e.Messages, spoolstore.Message{Value: []byte(strings.Repeat("x", r.IntN(2000)))})
			}
			give(e)
			ticket, err := s.Add(t.Context(), e)
			if !assert.NoError(t, err) {
				return
			}
			if ticket.KeptMemory {
				kept.Add(1)
			} else {
				used(*e.Memory)
			}
			total.Add(int64(len(e.Messages)))
			if r.IntN(3) == 0 {
				assert.NoError(t, ticket.Wait(t.Context()))
			}
		}
	})

	last := map[string]uint64{}
	got := int64(0)
	seen := map[uint64]bool{}
	stuck := int32(r.IntN(3))
	deadline := time.Now().Add(time.Minute)
	step := func(partition int32) {
		number, key, ok := p.acknowledge(partition)
		if !ok {
			return
		}
		require.False(t, seen[number], "message %d twice", number)
		seen[number] = true
		if key != "" {
			require.Greater(t, number, last[key], "%s", key)
			last[key] = number
		}
		got++
	}
	for steps := 0; ; steps++ {
		require.True(t, time.Now().Before(deadline), "%d of %d", got, total.Load())
		if n := int32(r.IntN(int(p.partitions.Load()))); n != stuck { //nolint:gosec // few
			step(n)
		}
		switch r.IntN(3000) {
		case 0:
			stuck = int32(r.IntN(3))
		case 1:
			if p.partitions.Load() < 12 {
				p.partitions.Add(int32(1 + r.IntN(3)))
			}
		}
		if steps%100 == 99 {
			time.Sleep(time.Microsecond) //nolint:forbidigo // lets the others run
		}
		if got > 2000 {
			stuck = -1
		}
		if stuck == -1 && got == total.Load() {
			adding.Wait()
			if got == total.Load() {
				break
			}
		}
		if got == total.Load() || steps > 40000 {
			stuck = -1
		}
	}
	assert.Equal(t, kept.Load(), recycled.Load())
	p.mu.Lock()
	defer p.mu.Unlock()
	assert.LessOrEqual(t, p.most, maxBytes+8000)
	return kept.Load()
}

// give moves the values of e to one piece of memory, which it gives away.
func give(e *spoolstore.Entry) {
	size := 0
	for _, m := range e.Messages {
		size += len(m.Value)
	}
	all := make([]byte, 0, size)
	for i := range e.Messages {
		from := len(all)
		all = append(all, e.Messages[i].Value...)
		e.Messages[i].Value = all[from:len(all):len(all)]
	}
	e.Memory = &all
}

// used makes of memory what another batch would.
func used(b []byte) {
	for i := range b {
		b[i] = 'y'
	}
}

// What waits is passed over, also when it is read again, and what stands for it goes
// in its own place.
func TestDrain_passesOverWhatWaits(t *testing.T) {
	s := openStore(t)
	p := &fakeProducer{store: s, queues: map[int32][]*queued{}}
	p.partitions.Store(1)
	value := func(e *spoolstore.Entry) {
		e.Messages = []spoolstore.Message{{Value: []byte(strings.Repeat("x", 4000))}}
	}
	add := func(e *spoolstore.Entry) uint64 {
		value(e)
		ticket, err := s.Add(t.Context(), e)
		require.NoError(t, err)
		require.NoError(t, ticket.Wait(t.Context()))
		return ticket.First
	}
	var parts []spoolstore.Range
	var want []uint64
	for i := range 60 {
		if i%3 == 0 {
			n := add(&spoolstore.Entry{Key: []byte("a"), Window: spoolstore.Window{Device: [16]byte{1}, End: time.Now()}})
			parts = append(parts, spoolstore.Range{First: n, Next: n + 1})
			continue
		}
		want = append(want, add(&spoolstore.Entry{Key: []byte("a")}))
	}
	d := New(Config{
		Store: s, Topics: []Topic{{Producer: p, Partitions: p.partitions.Load}}, Hash: hash, MaxBytes: 20 << 10,
		Waits:   func(r *spoolstore.Record) bool { return r.Entry.Window.Waits() },
		Settled: func(uint64, MessageResult, *Ended) {},
	})
	defer d.Close()
	var got []uint64
	take := func(n int) {
		require.Eventually(t, func() bool {
			if number, _, ok := p.acknowledge(0); ok {
				got = append(got, number)
			}
			return len(got) == n
		}, time.Minute, time.Millisecond)
	}
	take(len(want))
	want = append(want, add(&spoolstore.Entry{Key: []byte("a"), Window: spoolstore.Window{Device: [16]byte{1}}, Parts: parts}))
	take(len(want))
	assert.Equal(t, want, got)
	assert.Zero(t, s.Stats().Messages)
}
