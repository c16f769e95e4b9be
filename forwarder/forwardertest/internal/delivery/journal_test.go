package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/internal/disktest"
	"github.com/eventferry/eventferry/forwarder/internal/drain"
	engines "github.com/eventferry/eventferry/forwarder/internal/engine"
	"github.com/eventferry/eventferry/forwarder/internal/saramaconfig"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/internal/tlsbuffer"
	"github.com/eventferry/eventferry/partition"
)

// A durableLife is an engine that carries what lies on a disk, until the power
// of that is cut.
type durableLife struct {
	disk     *disktest.Disk
	store    *spoolstore.Store
	engine   *engines.Engine
	drain    *drain.Drain
	settled  atomic.Int64
	recovers int
}

func beginLife(t *testing.T, k *forwardertest.Kafka, d *disktest.Disk) *durableLife {
	t.Helper()
	l := &durableLife{disk: d}
	var err error
	l.store, err = spoolstore.Open(d, spoolstore.Options{
		MaxBytes: 64 << 20, SegmentBytes: 1 << 20, GroupBytes: 64 << 10, ControlBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	settled := func(uint64, drain.MessageResult, *drain.Ended) { l.settled.Add(1) }
	byTopic, err := drain.Recover(l.store, false, settled, func(drain.Doubt) {})
	require.NoError(t, err)
	recovered := byTopic[""]
	l.recovers = len(recovered)

	s := k.Settings().WithDefaults()
	tc, err := s.TLS.Config()
	require.NoError(t, err)
	cfg, err := saramaconfig.Config(s, &tlsbuffer.Dialer{TLS: tc}, &auth.SCRAM{UserName: s.UserName, Password: s.Password})
	require.NoError(t, err)
	l.engine, err = engines.New(engines.Config{
		Servers: s.Servers(), Topic: s.TopicName, Sarama: cfg, Journal: drain.Journal{Store: l.store}, Recovered: recovered,
	})
	require.NoError(t, err)
	l.drain = drain.New(drain.Config{
		Store: l.store, Hash: partition.Murmur2, MaxBytes: 1 << 20, Settled: settled,
		Topics: []drain.Topic{{Producer: l.engine, Partitions: l.engine.Partitions, TopicID: l.engine.TopicID, Recovered: recovered}},
	})
	return l
}

// drop ends l in the middle of everything. It returns what is left on the disk.
func (l *durableLife) drop(ctx context.Context) *disktest.Disk {
	left := l.disk.Cut()
	l.drain.Close()
	_ = l.engine.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_ = l.store.Close(ctx) // there is no disk any more
	return left
}

// Engines that are dropped while they deliver, with all that the disk had not
// synced, and while answers are lost and leaders move, leave a log with each
// message once, and each user's in order.
func TestJournal_engineDropped(t *testing.T) {
	t.Parallel()
	const lives, messages, users = 12, 150, 20
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(2), forwardertest.WithTopic("events", 4))
	disk := disktest.New(1)
	n, recovered := 0, 0
	for life := range lives {
		l := beginLife(t, k, disk)
		recovered += l.recovers
		if life > 0 {
			k.LoseAnswers(forwardertest.Produce, 1+life%3)
		}
		var adding sync.WaitGroup
		for range messages {
			ticket, err := l.store.Add(t.Context(), &spoolstore.Entry{
				Key:      strconv.AppendInt(nil, int64(n%users), 10),
				Messages: []spoolstore.Message{{Value: []byte(fmt.Sprintf("%d|%s", n, strings.Repeat("x", n%1000)))}},
			})
			require.NoError(t, err)
			n++
			adding.Go(func() { assert.NoError(t, ticket.Wait(t.Context())) })
		}
		adding.Wait()
		if life == lives-1 {
			require.NoError(t, l.store.WaitEmpty(within(t, time.Minute)))
			_ = l.drop(t.Context())
			break
		}
		k.MoveLeaders()
		want := int64(life * messages / lives) // sometimes none, sometimes many
		require.Eventually(t, func() bool { return l.settled.Load() >= want }, time.Minute, time.Millisecond)
		disk = l.drop(t.Context())
	}
	assert.Positive(t, recovered, "something was under way when an engine was dropped")
	last := map[string]int{}
	seen := map[int]bool{}
	for _, m := range k.Messages(t, "events") {
		number, _, _ := strings.Cut(string(m.Value), "|")
		i, err := strconv.Atoi(number)
		require.NoError(t, err)
		assert.False(t, seen[i], "%d twice", i)
		seen[i] = true
		before, ok := last[string(m.Key)]
		assert.True(t, !ok && i < users || i == before+users, "%d after %d", i, before)
		last[string(m.Key)] = i
	}
	assert.Len(t, seen, n)
	t.Logf("%d messages, %d record batches recovered, %d producer ids", n, recovered, k.Requests(forwardertest.InitProducerID))
}
