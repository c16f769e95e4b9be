package delivery

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// WaitInfo says of each partition that waits, and of no other, since when, why,
// and what is tried next.
func TestWaitInfo(t *testing.T) {
	long(t)
	none := []int32{}
	all := []int32{0, 1, 2, 3, 4, 5}
	for name, c := range map[string]struct {
		start       func(*forwardertest.Kafka) *forwardertest.Fault
		waits       []int32 // of six partitions on three brokers
		cause, next string
	}{
		"no leader": {
			func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Leaderless("events", 3) },
			[]int32{3}, "leader", "asking the brokers for the partition's leader",
		},
		"too few replicas": {
			func(k *forwardertest.Kafka) *forwardertest.Fault {
				return k.Fail(forwardertest.Produce, 19, forwardertest.UntilStopped, 1, 3)
			},
			[]int32{1, 3}, "fewer in-sync replicas than required", "sending to broker",
		},
		"may not write": {
			notAllowed,
			all, `do not let user "mparticle" write to topic "events"`, "sending to broker",
		},
		"may not write idempotently": {
			func(k *forwardertest.Kafka) *forwardertest.Fault {
				return k.Fail(forwardertest.Produce, 31, forwardertest.UntilStopped, 5)
			},
			[]int32{5}, `do not let user "mparticle" write idempotently`, "sending to broker 2",
		},
		"broker gone": {
			func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Unreachable(0) },
			[]int32{0, 3}, "connection refused", "connecting to broker 0 at 127.0.0.1:",
		},
		"broker silent": {
			func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Silence(0) },
			[]int32{0, 3}, "no answer", "the answer of broker 0 at 127.0.0.1:",
		},
		"slow, but alive": {
			func(k *forwardertest.Kafka) *forwardertest.Fault { return k.SlowAnswers(100 * time.Millisecond) },
			none, "", "",
		},
		"no topic": {
			func(k *forwardertest.Kafka) *forwardertest.Fault {
				require.NoError(t, k.DeleteTopic("events"))
				return k.SlowAnswers(0)
			},
			all, `has no topic "events"`, "broker",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("events", 6))
			var told infos
			f := open(t, k, told.option())
			var l ledger
			for p := range int32(6) {
				l.send(t.Context(), t, f, userOn(p, 6, 0), 10)
			}
			l.waiting.Wait()
			began := time.Now()
			fault := c.start(k)
			defer fault.Stop()
			for p := range int32(6) {
				l.send(t.Context(), t, f, userOn(p, 6, 0), 10)
			}
			if len(c.waits) > 0 {
				require.Eventually(t, func() bool { return len(told.partitions()) >= len(c.waits) }, time.Minute, 10*time.Millisecond)
			} else {
				l.waiting.Wait()
			}
			took := time.Since(began)
			list := told.list()
			for _, i := range list {
				t.Logf("partition %d, cause %v, next: %s", i.Partition, i.Cause, i.Next)
			}
			assert.Equal(t, c.waits, told.partitions())
			for _, i := range list {
				assert.WithinDuration(t, began, i.Since, machine.Allow(500*time.Millisecond, began))
				if !racing {
					assert.ErrorContains(t, i.Cause, c.cause)
				}
				assert.Contains(t, i.Next, c.next)
			}
			if !racing {
				assert.Less(t, took, machine.Allow(5*time.Second, began))
			}
		})
	}
}

// While it is not known where the topic is, its partitions are none of those
// that exist.
func TestWaitInfo_beforeTheTopicIsKnown(t *testing.T) {
	long(t)
	t.Parallel()
	k := forwardertest.NewKafka(t)
	defer k.Unreachable().Stop()
	var told infos
	f := open(t, k, told.option(), forwarder.WithoutProbe())
	f.ForwardAsync(t.Context(), keyless(t), func(err error) { assert.True(t, forwarder.NothingSent(err)) })
	require.Eventually(t, func() bool { return len(told.list()) > 0 }, time.Minute, 10*time.Millisecond)
	i := told.list()[0]
	assert.Equal(t, int32(-1), i.Partition)
	assert.ErrorContains(t, i.Cause, "connection refused")
	assert.Equal(t, "asking the brokers for the topic", i.Next)
}

// infos is what an observer was told.
type infos struct {
	mu   sync.Mutex
	told []forwarder.WaitInfo
}

func (i *infos) option() forwarder.Option {
	return forwarder.WithObserver(forwarder.Observer{Waiting: func(_ context.Context, w forwarder.WaitInfo) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.told = append(i.told, w)
	}})
}

func (i *infos) list() []forwarder.WaitInfo {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.told)
}

// partitions are those told of, each once.
func (i *infos) partitions() []int32 {
	found := []int32{}
	for _, w := range i.list() {
		found = append(found, w.Partition)
	}
	slices.Sort(found)
	return slices.Compact(found)
}
