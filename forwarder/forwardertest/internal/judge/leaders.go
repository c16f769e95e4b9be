package judge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

const leadersTake = 3 * time.Second // to move

// leaders returns each partition's leader and replicas.
func (c *cluster) leaders(ctx context.Context) (leader map[int32]int32, replicas map[int32][]int32, err error) {
	leader, replicas = map[int32]int32{}, map[int32][]int32{}
	err = c.admin(func(a *kadm.Client) error {
		meta, err := a.Metadata(ctx, topic)
		if err != nil {
			return err
		}
		for id, p := range meta.Topics[topic].Partitions {
			leader[id], replicas[id] = p.Leader, p.Replicas
		}
		return nil
	})
	return leader, replicas, err
}

// moved returns a function that counts the partitions whose leader is another
// one than now: what is sent to the old one is refused.
func (c *cluster) moved(ctx context.Context) (func(context.Context) (int, error), error) {
	before, _, err := c.leaders(ctx)
	return func(ctx context.Context) (int, error) {
		after, _, err := c.leaders(ctx)
		n := 0
		for id, leader := range after {
			if before[id] != leader {
				n++
			}
		}
		return n, err
	}, err
}

// change does something to the leaders and counts those that moved.
func (c *cluster) change(name string, do func(ctx context.Context, a *kadm.Client) error) fault {
	return fault{name, leadersTake, func(ctx context.Context) (effect, error) {
		moved, err := c.moved(ctx)
		if err != nil {
			return effect{}, err
		}
		changed := 0
		err = c.admin(func(a *kadm.Client) error { return do(ctx, a) })
		return effect{
			hits: func() int { return changed },
			heal: func(ctx context.Context) (err error) { changed, err = moved(ctx); return err },
		}, err
	}}
}

func topicSet() kadm.TopicsSet {
	s := kadm.TopicsSet{}
	for p := range int32(partitions) {
		s.Add(topic, p)
	}
	return s
}

// elect has the preferred replicas lead again.
func (c *cluster) elect(*rand.Rand) fault {
	return c.change("preferred leaders elected", func(ctx context.Context, a *kadm.Client) error {
		_, err := a.ElectLeaders(ctx, kadm.ElectPreferredReplica, topicSet())
		return err
	})
}

// reassign prefers other replicas, and has them elected.
func (c *cluster) reassign(*rand.Rand) fault {
	return c.change("partitions reassigned", func(ctx context.Context, a *kadm.Client) error {
		_, replicas, err := c.leaders(ctx)
		if err != nil {
			return err
		}
		var req kadm.AlterPartitionAssignmentsReq
		for p, ids := range replicas {
			req.Assign(topic, p, append(append([]int32(nil), ids[1:]...), ids[0]))
		}
		if _, err := a.AlterPartitionAssignments(ctx, req); err != nil {
			return err
		}
		_, err = a.ElectLeaders(ctx, kadm.ElectPreferredReplica, topicSet())
		return err
	})
}

// quota throttles what the producer sends. It hits when a request waits all the
// while.
func (c *cluster) quota(*rand.Rand) fault {
	const bytesPerSecond, lasts = 20_000, 5 * time.Second
	return fault{"quota", lasts, func(ctx context.Context) (effect, error) {
		waiting := 0
		return effect{
			hits: func() int { return waiting },
			heal: func(ctx context.Context) error {
				waiting = c.busyThroughout(200 * time.Millisecond)
				return c.setQuota(ctx, "producer_byte_rate", bytesPerSecond, true)
			},
		}, c.setQuota(ctx, "producer_byte_rate", bytesPerSecond, false)
	}}
}

// requestQuota throttles by the time that requests take brokers. It hits when a
// client of the same user is told to wait.
func (c *cluster) requestQuota(*rand.Rand) fault {
	const percentage, lasts = 0.01, 5 * time.Second
	return fault{faultRequestQuota, lasts, func(ctx context.Context) (effect, error) {
		told := new(throttleCount)
		return effect{
			hits: told.load, inFlight: true,
			heal: func(ctx context.Context) error {
				return errors.Join(c.askOnce(ctx, told), c.setQuota(ctx, "request_percentage", percentage, true))
			},
		}, c.setQuota(ctx, "request_percentage", percentage, false)
	}}
}

// setQuota changes what the user of the process under test may use.
func (c *cluster) setQuota(ctx context.Context, key string, value float64, remove bool) error {
	user := rotatedUser
	return c.admin(func(a *kadm.Client) error {
		_, err := a.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{
			Entity: kadm.ClientQuotaEntity{{Type: "user", Name: &user}},
			Ops:    []kadm.AlterClientQuotaOp{{Key: key, Value: value, Remove: remove}},
		}})
		return err
	})
}

// A throttleCount counts answers with a throttle time.
type throttleCount struct{ n atomic.Int64 }

func (t *throttleCount) load() int { return int(t.n.Load()) }

// OnBrokerThrottle is called by the client.
func (t *throttleCount) OnBrokerThrottle(_ kgo.BrokerMetadata, interval time.Duration, _ bool) {
	if interval > 0 {
		t.n.Add(1)
	}
}

// askOnce asks each broker for metadata as the user of the process under test.
func (c *cluster) askOnce(ctx context.Context, count *throttleCount) error {
	now := c.bed.settings
	now.Password, now.PasswordFile = settings.Secret{}, c.bed.passwordFile
	opts, err := forwardertest.ClientOptions(now)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, kgo.WithHooks(count))...)
	if err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	defer client.Close()
	for _, id := range c.kafka.Brokers() {
		if _, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client.Broker(id)); err != nil {
			return err
		}
	}
	return nil
}

// busyThroughout counts the proxies at which a request waits for all of d.
func (c *cluster) busyThroughout(d time.Duration) int {
	waits := make([]bool, len(c.proxies))
	for i := range waits {
		waits[i] = true
	}
	for end := time.Now().Add(d); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		for i, p := range c.proxies {
			waits[i] = waits[i] && p.Busy() > 0
		}
	}
	n := 0
	for _, w := range waits {
		if w {
			n++
		}
	}
	return n
}
