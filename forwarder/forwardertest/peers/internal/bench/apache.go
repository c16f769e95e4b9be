package bench

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// An apache is one of the clusters of a run.
type apache struct {
	*apachekafka.Cluster
	name   string
	topics int
}

func startApache(ctx context.Context, version string, brokers int) (*apache, error) {
	c, err := apachekafka.Start(ctx, apachekafka.WithVersion(version), apachekafka.WithBrokers(brokers), apachekafka.WithFullJIT())
	if err != nil {
		return nil, err
	}
	return &apache{Cluster: c, name: fmt.Sprintf("%d x %s", brokers, version)}, nil
}

// newTopic creates an empty topic. Every job has one of its own.
func (k *apache) newTopic(ctx context.Context, partitions int32) (string, error) {
	k.topics++
	topic := fmt.Sprintf("peers%d", k.topics)
	configs := map[string]string{"file.delete.delay.ms": "100"}
	if len(k.Brokers()) > 1 {
		configs["min.insync.replicas"] = "2"
	}
	return topic, k.CreateTopic(ctx, topic, partitions, configs)
}

// check reads the whole topic back, with a client that is not the one that has
// written it unless that was franz-go. name is the contender. It returns how large its batches of
// records are.
func (k *apache) check(ctx context.Context, topic string, name string, items []*work.Item, sent int64) (batchBytes float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, childPatience)
	defer cancel()
	var read batches
	client, err := k.Client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.WithHooks(&read))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	checker := work.NewChecker(items, int32(len(ends[topic]))) //nolint:gosec // small
	if peer.Reencodes(name) {
		checker.AllowOtherBytes()
	}
	for left > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return 0, fmt.Errorf("bench: %w", err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			left--
			checker.Add(r.Partition, r.Key, r.Value)
		})
	}
	return read.mean(), checker.End(sent)
}
