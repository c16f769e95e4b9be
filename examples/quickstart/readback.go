package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

type place struct {
	partition int32
	offset    int64
}

// readBack fetches the messages that were acknowledged, with a client that
// shares no code with the one that sent them, and compares.
func readBack(ctx context.Context, s settings.Settings, sent []message) error {
	wanted := map[place]message{}
	from := map[int32]kgo.Offset{}
	for _, m := range sent {
		if m.offset < 0 {
			continue
		}
		wanted[place{m.partition, m.offset}] = m
		if first, ok := from[m.partition]; !ok || m.offset < first.EpochOffset().Offset {
			from[m.partition] = kgo.NewOffset().At(m.offset)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	opts, err := forwardertest.ClientOptions(s)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{s.TopicName: from}))...)
	if err != nil {
		return err
	}
	defer client.Close()
	for len(wanted) > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return err
		}
		var wrong error
		fetched.EachRecord(func(r *kgo.Record) {
			at := place{r.Partition, r.Offset}
			m, ok := wanted[at]
			delete(wanted, at)
			if ok && wrong == nil {
				wrong = compare(r, m)
			}
		})
		if wrong != nil {
			return wrong
		}
	}
	return nil
}

func compare(r *kgo.Record, m message) error {
	b, err := batch.Parse(r.Value)
	if err != nil {
		return fmt.Errorf("partition %d offset %d: %w", r.Partition, r.Offset, err)
	}
	key := noKey
	if r.Key != nil {
		key = string(r.Key)
	}
	if got := (message{r.Partition, r.Offset, key, b.NumEvents(), len(r.Value)}); got != m {
		return fmt.Errorf("partition %d offset %d: Kafka has %+v where %+v was acknowledged", r.Partition, r.Offset, got, m)
	}
	return nil
}
