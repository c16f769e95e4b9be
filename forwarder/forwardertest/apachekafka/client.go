package apachekafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// poll is how often something is looked at again while it is waited for.
const poll = 50 * time.Millisecond

// readTimeout bounds the read-back of tests.
const readTimeout = 30 * time.Second

var (
	errNoStatus = errors.New("exit status 0")
	errNoLeader = errors.New("a partition has no leader")
)

// await waits until the broker answers on its real listener and knows all the
// others. It gives up when the process or ctx ends.
func (c *Cluster) await(ctx context.Context, b *broker) error {
	process := b.running()
	var last error
	for {
		if last = c.serves(ctx, b); last == nil {
			return nil
		}
		select {
		case <-process.Done():
			return fmt.Errorf("apachekafka: broker %d of Apache Kafka %s ended (%w); end of its log:\n%s",
				b.id, c.opts.version, cmp.Or(process.Err(), errNoStatus), c.LogTail(b.id))
		case <-ctx.Done():
			return fmt.Errorf("apachekafka: broker %d of Apache Kafka %s does not serve: %w: last: %w; end of its log:\n%s",
				b.id, c.opts.version, ctx.Err(), last, c.LogTail(b.id))
		case <-time.After(poll):
		}
	}
}

func (c *Cluster) serves(ctx context.Context, b *broker) error {
	if err := reachable(ctx, b.address(ListenerSASL)); err != nil {
		return err
	}
	own := c.Settings("")
	own.BootstrapServers = b.address(ListenerSASL)
	opts, err := forwardertest.ClientOptions(own)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, kgo.RequestRetries(0))...)
	if err != nil {
		return err
	}
	defer client.Close()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if n := len(resp.Brokers); n != len(c.brokers) {
		return fmt.Errorf("broker %d knows %d of %d brokers", b.id, n, len(c.brokers))
	}
	return nil
}

// reachable saves the time that franz-go takes over a port at which no broker
// listens yet.
func reachable(ctx context.Context, address string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Client returns a client of franz-go with the user of [Cluster.Settings],
// who may do everything. Close it.
func (c *Cluster) Client(opts ...kgo.Opt) (*kgo.Client, error) {
	own, err := forwardertest.ClientOptions(c.Settings(""))
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(own, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("apachekafka: %w", err)
	}
	return client, nil
}

// InternalClient returns a client of franz-go on [ListenerInternal]: without a
// user, it may do everything, whatever becomes of users and their quotas. Close
// it.
func (c *Cluster) InternalClient(opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Servers(ListenerInternal)...)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("apachekafka: %w", err)
	}
	return client, nil
}

// admin does f with an admin client of a user who may do everything.
func (c *Cluster) admin(f func(*kadm.Client) error) error {
	return c.withClient(func(client *kgo.Client) error { return f(kadm.NewClient(client)) })
}

func (c *Cluster) withClient(f func(*kgo.Client) error) error {
	client, err := c.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	return f(client)
}

// CreateTopic creates a topic, on three brokers if there are as many, and
// returns when each partition has a leader that serves it. configs holds
// Kafka's topic properties and may be nil.
func (c *Cluster) CreateTopic(ctx context.Context, topic string, partitions int32, configs map[string]string) error {
	values := map[string]*string{}
	for key, value := range configs {
		values[key] = &value
	}
	return c.withClient(func(client *kgo.Client) error {
		if err := createTopic(ctx, client, topic, partitions, int16(min(len(c.brokers), 3)), values); err != nil {
			return fmt.Errorf("apachekafka: creating topic %s: %w", topic, err)
		}
		// The first answer that names a leader can come before the leader
		// knows that it is one.
		for {
			offsets, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
			if err == nil {
				err = offsets.Error()
			}
			if err == nil && len(offsets[topic]) == int(partitions) {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("apachekafka: topic %s has no leaders: %w: last: %w", topic, ctx.Err(), cmp.Or(err, errNoLeader))
			case <-time.After(poll):
			}
		}
	})
}

// DeleteTopic deletes a topic, and returns when no broker takes messages for it
// any more. Brokers that do not answer within 10 seconds are not waited for.
func (c *Cluster) DeleteTopic(ctx context.Context, topic string) error {
	err := c.withClient(func(client *kgo.Client) error {
		if err := deleteTopic(ctx, client, topic); err != nil {
			return fmt.Errorf("apachekafka: deleting topic %s: %w", topic, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.awaitBrokers(ctx, "the end of topic "+topic, func(ctx context.Context, b *kgo.Broker) (bool, error) {
		known, err := knowsTopic(ctx, b, topic)
		return !known, err
	})
}

// createTopic creates a topic that does not exist. Where an answer is lost, the client
// asks again, and hears that its first request was heeded.
func createTopic(ctx context.Context, client *kgo.Client, topic string, partitions int32, replicas int16, configs map[string]*string) error {
	before, err := knowsTopic(ctx, client, topic)
	if err != nil {
		return err
	}
	_, err = kadm.NewClient(client).CreateTopic(ctx, partitions, replicas, configs, topic)
	if errors.Is(err, kerr.TopicAlreadyExists) && !before {
		return nil
	}
	return err
}

// deleteTopic deletes a topic that exists. Where an answer is lost, the client asks
// again, and hears that its first request was heeded.
func deleteTopic(ctx context.Context, client *kgo.Client, topic string) error {
	before, err := knowsTopic(ctx, client, topic)
	if err != nil {
		return err
	}
	_, err = kadm.NewClient(client).DeleteTopic(ctx, topic)
	if errors.Is(err, kerr.UnknownTopicOrPartition) && before {
		return nil
	}
	return err
}

// knowsTopic asks for what a broker also looks at before it writes.
func knowsTopic(ctx context.Context, b kmsg.Requestor, topic string) (bool, error) {
	req := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, asked)
	resp, err := req.RequestWith(ctx, b)
	if err != nil {
		return false, err
	}
	for _, t := range resp.Topics {
		if t.ErrorCode != kerr.UnknownTopicOrPartition.Code {
			return true, nil
		}
	}
	return false, nil
}

// Leader returns the node id of the broker that leads a partition.
func (c *Cluster) Leader(ctx context.Context, topic string, partition int32) (id int, err error) {
	err = c.admin(func(a *kadm.Client) error {
		meta, err := a.Metadata(ctx, topic)
		if err != nil {
			return fmt.Errorf("apachekafka: leader of %s/%d: %w", topic, partition, err)
		}
		p, ok := meta.Topics[topic].Partitions[partition]
		if !ok || p.Err != nil || p.Leader < 0 {
			return fmt.Errorf("apachekafka: %s/%d: %w", topic, partition, cmp.Or(p.Err, errNoLeader))
		}
		id = int(p.Leader)
		return nil
	})
	return id, err
}

// Messages reads topic as [Read] does, and fails the test when it cannot
// within 30 seconds.
func (c *Cluster) Messages(t testing.TB, topic string) []forwardertest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readTimeout)
	defer cancel()
	messages, err := forwardertest.Read(ctx, c.Settings(topic))
	if err != nil {
		t.Fatal(err)
	}
	return messages
}
