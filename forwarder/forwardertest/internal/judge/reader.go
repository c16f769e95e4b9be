package judge

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// readTopics reads topics one after the other. begin is told the number of each.
func readTopics(ctx context.Context, s settings.Settings, topics []string, begin func(int), see func(*forwardertest.Message)) error {
	for n, topic := range topics {
		begin(n)
		s.TopicName = topic
		if err := read(ctx, s, see); err != nil {
			return err
		}
	}
	return nil
}

// read gives see every message of a topic, each partition from its first to
// what is its last when read is called.
func read(ctx context.Context, s settings.Settings, see func(*forwardertest.Message)) error {
	opts, err := forwardertest.ClientOptions(s)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, kgo.AlwaysRetryEOF())...)
	if err != nil {
		return fmt.Errorf("judge: reading: %w", err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).ListEndOffsets(ctx, s.TopicName)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return fmt.Errorf("judge: reading: %w", err)
	}
	ends, from := map[int32]int64{}, map[int32]kgo.Offset{}
	offsets.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			ends[o.Partition], from[o.Partition] = o.Offset, kgo.NewOffset().At(0)
		}
	})
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{s.TopicName: from})
	for len(ends) > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err0(); err != nil {
			return fmt.Errorf("judge: reading: %w", err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			end, wanted := ends[r.Partition]
			if !wanted || r.Offset >= end {
				return
			}
			m := forwardertest.Message{Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
			for _, h := range r.Headers {
				m.Headers = append(m.Headers, forwardertest.Header(h))
			}
			see(&m)
			if r.Offset == end-1 {
				delete(ends, r.Partition)
			}
		})
	}
	return nil
}
