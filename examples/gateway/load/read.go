package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// readAll has see take every message of a topic, those of a partition in their order. Its
// client, franz-go, shares no code with the gateway.
func readAll(ctx context.Context, s settings.Settings, see func(partition int32, key, value []byte)) error {
	opts, err := forwardertest.ClientOptions(s)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, kgo.AlwaysRetryEOF())...)
	if err != nil {
		return err
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).ListEndOffsets(ctx, s.TopicName)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return fmt.Errorf("where the topic ends: %w", err)
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
			return fmt.Errorf("reading the topic: %w", err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			if end, wanted := ends[r.Partition]; wanted && r.Offset < end {
				if see(r.Partition, r.Key, r.Value); r.Offset == end-1 {
					delete(ends, r.Partition)
				}
			}
		})
	}
	return nil
}
