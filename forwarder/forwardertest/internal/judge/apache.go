package judge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
	"github.com/eventferry/eventferry/settings"
)

// A cluster is Apache Kafka with three brokers and a proxy before each.
type cluster struct {
	kafka   *apachekafka.Cluster
	bed     *testbed
	proxies []*proxy.Proxy // in the order of the brokers' ids, which count from 1
	longest time.Duration  // that a broker is stopped for
	killed  atomic.Int32   // brokers
}

// apache is the testbed of three real brokers.
func apache(ctx context.Context, p Producer, version string, longestStop time.Duration) (*testbed, *cluster, error) {
	k, err := apachekafka.Start(ctx,
		apachekafka.WithBrokers(brokers),
		apachekafka.WithVersion(version),
		apachekafka.WithACLs(),
		apachekafka.WithUser(aclUser, aclPassword, scenarioMethod),
		apachekafka.WithUser(scramUser, scramPassword, scenarioMethod),
		apachekafka.WithUser(rotatedUser, rotatedPassword, scenarioMethod),
		apachekafka.WithBrokerConfig("connections.max.reauth.ms", "20000"),
		apachekafka.WithBrokerConfig(expirationCheck, expirationCheckInterval),
	)
	if err != nil {
		return nil, nil, err
	}
	g := &testbed{
		name: "Apache Kafka " + version, settings: k.Settings(topic), reader: k.Settings(topic), partitions: []int32{partitions},
		every: 6 * time.Second, maxMessageBytes: maxMessageBytes, required: []string{faultRequestQuota},
	}
	if err := errors.Join(k.CreateTopic(ctx, topic, partitions, nil), k.Grant(ctx, rotatedUser, topic, kadm.OpWrite, kadm.OpDescribe)); err != nil {
		k.Close()
		return nil, nil, err
	}
	g.settings.UserName, g.settings.Password = rotatedUser, settings.NewSecret(rotatedPassword)
	if err := g.addProxies(k.Servers(apachekafka.ListenerSASL)); err != nil {
		k.Close()
		return nil, nil, err
	}
	g.close = func() { g.closeProxies(); k.Close() }
	c := &cluster{kafka: k, bed: g, proxies: g.proxies, longest: longestStop}
	kinds := c.kinds()
	if p != ProducerSarama {
		g.required = append(g.required, faultPassword)
		kinds = append(kinds, (&passwordRotation{first: g.settings, file: &g.passwordFile, proxies: g.proxies, set: func(ctx context.Context, password string) error {
			return k.SetPassword(ctx, rotatedUser, password, scenarioMethod)
		}}).fault)
	}
	g.fault = shuffled(kinds)
	return g, c, nil
}

// kinds are the faults of three real brokers. One that stands there twice comes
// twice as often.
func (c *cluster) kinds() []func(*rand.Rand) fault {
	return []func(*rand.Rand) fault{
		c.killLeader, c.killFollower, c.killController, c.pause, c.pause, c.rollingRestart, c.allDown, c.elect, c.reassign, c.reassign, c.quota, c.requestQuota,
		func(r *rand.Rand) fault { return swallow(between(r, time.Second, 3*time.Second), c.any(r)) },
		func(r *rand.Rand) fault { return swallow(between(r, time.Second, 3*time.Second), c.proxies...) },
		func(*rand.Rand) fault { return cut("all connections cut", c.proxies...) },
		func(*rand.Rand) fault { return cut("all connections cut", c.proxies...) },
		func(r *rand.Rand) fault {
			return hold("link stall", between(r, 2*time.Second, 7*time.Second), c.any(r))
		},
	}
}

// forSpool has brokers die more often than anything else.
func (c *cluster) forSpool(g *testbed) {
	g.spool, g.killed = true, func() int { return int(c.killed.Load()) }
	g.every, g.required = time.Second, nil
	g.fault = shuffled([]func(*rand.Rand) fault{
		c.killLeader, c.killLeader, c.killFollower, c.killController, c.allDown, c.reassign,
		func(*rand.Rand) fault { return cut("all connections cut", c.proxies...) },
		func(r *rand.Rand) fault { return swallow(between(r, time.Second, 3*time.Second), c.any(r)) },
	})
}

func (c *cluster) any(r *rand.Rand) *proxy.Proxy { return c.proxies[r.IntN(len(c.proxies))] }

func (c *cluster) proxy(id int) *proxy.Proxy { return c.proxies[id-1] }

// lost counts the requests that never got their answer.
func (c *cluster) lost() int {
	n := 0
	for _, p := range c.proxies {
		n += p.Lost()
	}
	return n
}

// kill is SIGKILL for a broker, and its start after a while.
func (c *cluster) kill(name string, r *rand.Rand, who func(context.Context) (int, error)) fault {
	return fault{name, between(r, time.Second, 4*time.Second), func(ctx context.Context) (effect, error) {
		id, err := who(ctx)
		if err != nil {
			return effect{}, err
		}
		lost := since(c.lost)
		whenBusy(ctx, []*proxy.Proxy{c.proxy(id)})
		c.kafka.Kill(id)
		c.killed.Add(1)
		return effect{hits: lost, inFlight: true, heal: func(ctx context.Context) error { return c.kafka.Restart(ctx, id) }}, nil
	}}
}

func (c *cluster) killLeader(r *rand.Rand) fault {
	p := r.Int32N(partitions)
	return c.kill("leader killed", r, func(ctx context.Context) (int, error) { return c.kafka.Leader(ctx, topic, p) })
}

func (c *cluster) killFollower(r *rand.Rand) fault {
	p := r.Int32N(partitions)
	return c.kill("follower killed", r, func(ctx context.Context) (int, error) {
		leader, err := c.kafka.Leader(ctx, topic, p)
		return leader%brokers + 1, err
	})
}

func (c *cluster) killController(r *rand.Rand) fault {
	return c.kill("controller killed", r, c.controller)
}

// controller asks for the leader of the brokers' own log.
func (c *cluster) controller(ctx context.Context) (int, error) {
	client, err := c.kafka.Client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	t := kmsg.NewDescribeQuorumRequestTopic()
	t.Topic, t.Partitions = "__cluster_metadata", []kmsg.DescribeQuorumRequestTopicPartition{kmsg.NewDescribeQuorumRequestTopicPartition()}
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("asking for the controller: %w", err)
	}
	return int(resp.Topics[0].Partitions[0].LeaderID), nil
}

// pause is SIGSTOP.
func (c *cluster) pause(r *rand.Rand) fault {
	id := 1 + r.IntN(brokers)
	return fault{"broker stopped", between(r, 5*time.Second, c.longest), func(ctx context.Context) (effect, error) {
		whenBusy(ctx, []*proxy.Proxy{c.proxy(id)})
		lost, waiting := since(c.lost), 0
		return effect{
			hits: func() int { return waiting + lost() }, inFlight: true,
			heal: func(context.Context) error {
				waiting = c.proxy(id).Busy()
				return c.kafka.Resume(id)
			},
		}, c.kafka.Pause(id)
	}}
}

func (c *cluster) rollingRestart(*rand.Rand) fault {
	return fault{"rolling restart", 0, func(ctx context.Context) (effect, error) {
		lost := since(c.lost)
		moved, err := c.moved(ctx)
		changed := 0
		return effect{
			hits: func() int { return lost() + changed }, inFlight: true,
			heal: func(ctx context.Context) error {
				for _, id := range c.kafka.Brokers() {
					if err := c.kafka.Restart(ctx, id); err != nil {
						return err
					}
				}
				changed, err = moved(ctx)
				return err
			},
		}, err
	}}
}

func (c *cluster) allDown(r *rand.Rand) fault {
	return fault{"all killed", between(r, time.Second, 5*time.Second), func(ctx context.Context) (effect, error) {
		lost := since(c.lost)
		whenBusy(ctx, c.proxies)
		for _, id := range c.kafka.Brokers() {
			c.kafka.Kill(id)
			c.killed.Add(1)
		}
		return effect{hits: lost, inFlight: true, heal: c.kafka.RestartAll}, nil
	}}
}

func (c *cluster) admin(do func(*kadm.Client) error) error {
	client, err := c.kafka.InternalClient()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := do(kadm.NewClient(client)); err != nil {
		return fmt.Errorf("administering Apache Kafka: %w", err)
	}
	return nil
}
