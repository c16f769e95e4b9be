package durable

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A process that is killed again and again by SIGKILL, while Kafka has faults,
// loses nothing that it has stored; every batch is in Kafka once, unaltered, and in
// the order of its user.
func TestKilled(t *testing.T) {
	usual := 60
	if testing.Short() {
		usual = 12
	}
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	l := newLives(t, k.Settings(), seed(t))
	stop := disturb(k, l.r.Uint64())
	for range kills(t, usual) {
		l.kill(t, 50*time.Millisecond, 500*time.Millisecond)
	}
	faults := stop()
	l.drain(t)
	c := check(k.Messages(t, "events"), l.stored, l.refused, 0)
	t.Logf("%v, %d faults: %+v", l, faults, c.findings)
	assert.Equal(t, findings{}, c.wrong(), "%v", c.first)
	assert.Empty(t, l.refused)
	assert.Positive(t, c.Stored)
	assert.Positive(t, l.Resumed, "no kill hit a request under way")
}

// So is one whose events go to two topics: of each batch both have all or nothing.
func TestKilled_routes(t *testing.T) {
	usual := 40
	if testing.Short() {
		usual = 10
	}
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("events", 6), forwardertest.WithTopic("commerce", 6))
	l := newLives(t, k.Settings(), seed(t))
	l.routed = true
	stop := disturb(k, l.r.Uint64())
	for range kills(t, usual) {
		l.kill(t, 50*time.Millisecond, 500*time.Millisecond)
	}
	faults := stop()
	l.drain(t)
	events, commerce := k.Messages(t, "events"), k.Messages(t, "commerce")
	c := checkTopics([][]forwardertest.Message{events, commerce}, l.stored, l.refused, 0)
	t.Logf("%v, %d faults: %+v", l, faults, c.findings)
	assert.Equal(t, findings{}, c.wrong(), "%v", c.first)
	assert.Empty(t, l.refused)
	assert.NotEmpty(t, events)
	assert.NotEmpty(t, commerce)
	assert.Positive(t, c.Stored)
	assert.Positive(t, l.Resumed, "no kill hit a request under way")
}

// Brokers that have forgotten a producer id when its record batch comes again leave
// it open whether that was written. With Hold it is refused then; nothing is lost without a word, and
// nothing is there twice.
func TestKilled_producerIDsForgotten(t *testing.T) {
	const unknownProducerID = 59
	usual := 10
	if testing.Short() {
		usual = 3
	}
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	l := newLives(t, k.Settings(), seed(t))
	stop := disturb(k, l.r.Uint64())
	hits := 0
	for range kills(t, usual) {
		l.kill(t, 50*time.Millisecond, 500*time.Millisecond)
		forgotten := k.ForgetProducerIDs("events", unknownProducerID)
		l.kill(t, 50*time.Millisecond, 500*time.Millisecond)
		hits += forgotten.Hits()
		forgotten.Stop()
	}
	faults := stop()
	l.drain(t)
	c := check(k.Messages(t, "events"), l.stored, l.refused, 0)
	t.Logf("%v, %d faults: %+v", l, faults, c.findings)
	assert.Positive(t, hits)
	assert.Equal(t, findings{}, c.wrong(), "%v", c.first)
	assert.Positive(t, c.Stored)
}

// Partitions are added while no process lives: users move then, each after what
// was before.
func TestKilled_partitionsAdded(t *testing.T) {
	counts := []int{5, 8, 12}
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("events", 3))
	l := newLives(t, k.Settings(), seed(t))
	for _, partitions := range counts {
		stop := disturb(k, l.r.Uint64())
		for range 3 {
			l.kill(t, 50*time.Millisecond, 500*time.Millisecond)
		}
		stop()
		require.NoError(t, k.AddPartitions(t.Context(), "events", partitions))
		l.kill(t, 50*time.Millisecond, 500*time.Millisecond)
	}
	l.drain(t)
	c := check(k.Messages(t, "events"), l.stored, l.refused, len(counts))
	t.Logf("%v: %+v", l, c.findings)
	assert.Equal(t, findings{}, c.wrong(), "%v", c.first)
	assert.Empty(t, l.refused)
	assert.Positive(t, c.Moves)
}

// So they do if a process has another hash than the one before it.
func TestKilled_otherHash(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	l := newLives(t, k.Settings(), seed(t))
	l.hashes = []settings.Partitioner{settings.Murmur2, settings.FNV1a, settings.CRC32}
	stop := disturb(k, l.r.Uint64())
	for range kills(t, 10) {
		l.kill(t, 50*time.Millisecond, 500*time.Millisecond)
	}
	stop()
	l.drain(t)
	c := check(k.Messages(t, "events"), l.stored, l.refused, l.Kills)
	t.Logf("%v: %+v", l, c.findings)
	assert.Equal(t, findings{}, c.wrong(), "%v", c.first)
	assert.Empty(t, l.refused)
	assert.Positive(t, c.Moves)
}

// A process that takes what a former one may have written for not written has it
// in Kafka twice, and the check finds that.
func TestKilled_forgetful(t *testing.T) {
	for name, extra := range map[string][]string{"as it is": nil, "forgetful": {childForgetful + "=1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			l := newLives(t, k.Settings(), 1)
			lost := k.LoseAnswers(forwardertest.Produce, forwardertest.UntilStopped)
			p := l.start(t)
			require.NoError(t, lost.Wait(within(t, patience), 1))
			l.sigkill(t, p)
			lost.Stop()
			l.drain(t, extra...)
			c := check(k.Messages(t, "events"), l.stored, l.refused, 0)
			t.Logf("%v: %+v", l, c.findings)
			assert.Positive(t, l.Resumed)
			assert.Equal(t, extra != nil, c.Twice > 0)
			assert.Zero(t, c.Lost)
		})
	}
}

// disturb has Kafka misbehave until stop is called, which returns how often it did.
func disturb(k *forwardertest.Kafka, seed uint64) (stop func() int) {
	const notEnoughReplicasAfterAppend, notLeader = 20, 6
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // no secret
	kinds := []func() *forwardertest.Fault{
		func() *forwardertest.Fault { return k.LoseAnswers(forwardertest.Produce, 1+r.IntN(3)) },
		func() *forwardertest.Fault { return k.LoseAnswers(forwardertest.InitProducerID, 1) },
		func() *forwardertest.Fault {
			return k.Fail(forwardertest.Produce, notEnoughReplicasAfterAppend, 1+r.IntN(3))
		},
		func() *forwardertest.Fault { return k.Fail(forwardertest.Produce, notLeader, 1+r.IntN(3)) },
		func() *forwardertest.Fault { return k.Silence(r.IntN(3)) },
		func() *forwardertest.Fault { return k.Unreachable(r.IntN(3)) },
		func() *forwardertest.Fault { return k.SlowAnswers(time.Duration(r.IntN(30)) * time.Millisecond) },
		func() *forwardertest.Fault { k.MoveLeaders(); return nil },
		func() *forwardertest.Fault { k.CutConnections(); return nil },
	}
	quit, count := make(chan struct{}), 0
	var working sync.WaitGroup
	working.Go(func() {
		for {
			f := kinds[r.IntN(len(kinds))]()
			count++
			select {
			case <-quit:
			case <-time.After(time.Duration(r.IntN(150)) * time.Millisecond):
			}
			if f != nil {
				f.Stop()
			}
			select {
			case <-quit:
				return
			case <-time.After(time.Duration(r.IntN(150)) * time.Millisecond):
			}
		}
	})
	return func() int {
		close(quit)
		working.Wait()
		return count
	}
}
