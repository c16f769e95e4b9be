package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/partition"
)

// A ledger remembers every batch that was given to a forwarder, in the order of
// acceptance for each user, and what its caller was told.
type ledger struct {
	topic   string // empty: events
	random  bool   // payloads are random text, in which codecs find nothing to repeat
	mu      sync.Mutex
	entries []*entry
	waiting sync.WaitGroup
}

// An entry is one batch of one message.
type entry struct {
	n       int
	user    int64
	data    string
	err     error // what the caller got
	decided bool
}

// make makes the next batch of a user. size is that of its payload.
func (l *ledger) make(t testing.TB, user int64, size int) (*entry, *batch.Batch) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &entry{n: len(l.entries), user: user}
	pad := make([]byte, size)
	for i := range pad {
		pad[i] = 'a' + byte((e.n+i*i)%26)
	}
	if l.random {
		source := rand.New(rand.NewPCG(uint64(e.n), 1)) //nolint:gosec // not negative
		for i := range pad {
			pad[i] = '#' + byte(source.IntN('['-'#'+1)) // JSON text without escapes
		}
	}
	e.data = fmt.Sprintf(`{"mpid":%d,"events":[{"event_type":"custom_event","data":{"n":%d,"event_name":%q}}]}`, user, e.n, pad)
	l.entries = append(l.entries, e)
	b, err := batch.Parse([]byte(e.data))
	require.NoError(t, err)
	return e, b
}

func (l *ledger) note(e *entry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.err, e.decided = err, true
}

// send pipelines the next batch of a user. It must not be called for one user
// by several goroutines at once.
func (l *ledger) send(ctx context.Context, t testing.TB, f *forwarder.Forwarder, user int64, size int) *entry {
	t.Helper()
	e, b := l.make(t, user, size)
	l.waiting.Add(1)
	f.ForwardAsync(ctx, b, func(err error) {
		defer l.waiting.Done()
		l.note(e, err)
	})
	return e
}

// undecided is how many callers wait.
func (l *ledger) undecided() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, e := range l.entries {
		if !e.decided {
			n++
		}
	}
	return n
}

// settle waits for what callers were not told, and takes the late outcomes.
func (l *ledger) settle(ctx context.Context) {
	l.waiting.Wait()
	for _, e := range l.entries {
		var d *forwarder.DeliveryError
		if errors.As(e.err, &d) {
			e.err = d.Wait(ctx)
		}
	}
}

// A tally is how many entries ended how.
type tally struct{ acknowledged, notSent, unknown int }

// A reader reads what is in a topic.
type reader interface {
	Messages(t testing.TB, topic string) []forwardertest.Message
}

// check compares the ledger with what is in its topic.
func (l *ledger) check(t testing.TB, k reader, partitions int32) tally {
	t.Helper()
	messages := k.Messages(t, cmp.Or(l.topic, "events"))
	found := map[int]int{}
	last := map[int64]int{}     // by user
	stamps := map[int32]int64{} // by partition
	for _, m := range messages {
		n := number(t, m.Value)
		require.Less(t, n, len(l.entries))
		e := l.entries[n]
		found[n]++
		assert.Equal(t, e.data, string(m.Value), "the bytes")
		assert.Equal(t, strconv.FormatInt(e.user, 10), string(m.Key))
		assert.Equal(t, partition.Murmur2(m.Key, partitions), m.Partition)
		if before, ok := last[e.user]; ok && before >= n {
			assert.Fail(t, "order", "user %d: %d is written after %d", e.user, n, before)
		}
		last[e.user] = n
		assert.LessOrEqual(t, stamps[m.Partition], m.Timestamp.UnixMilli(), "time runs backwards")
		stamps[m.Partition] = m.Timestamp.UnixMilli()
	}
	var sum tally
	for n, e := range l.entries {
		assert.True(t, e.decided, "%d is undecided", n)
		assert.LessOrEqual(t, found[n], 1, "%d is there %d times", n, found[n])
		switch {
		case e.err == nil:
			sum.acknowledged++
			assert.Equal(t, 1, found[n], "%d is acknowledged and missing", n)
		case forwarder.NothingSent(e.err):
			sum.notSent++
			assert.Zero(t, found[n], "%d was not sent and is there", n)
		default:
			sum.unknown++
		}
	}
	return sum
}

func number(t testing.TB, value []byte) int {
	t.Helper()
	var b struct {
		Events []struct{ Data struct{ N int } }
	}
	require.NoError(t, json.Unmarshal(value, &b))
	require.Len(t, b.Events, 1)
	return b.Events[0].Data.N
}

// userOn returns the i-th user whose batches go to a partition.
func userOn(p, partitions int32, i int) int64 {
	for user := int64(1); ; user++ {
		if partition.Murmur2(strconv.AppendInt(nil, user, 10), partitions) == p {
			if i--; i < 0 {
				return user
			}
		}
	}
}

// long skips a test of several seconds under -short.
func long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("this takes seconds, and -short is set")
	}
}

// within bounds a test's waiting.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// keyless is a batch without a user id.
func keyless(t testing.TB) *batch.Batch {
	t.Helper()
	b, err := batch.Parse([]byte(`{"events":[{"event_type":"custom_event"}]}`))
	require.NoError(t, err)
	return b
}
