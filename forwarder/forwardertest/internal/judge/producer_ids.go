package judge

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// Brokers keep the id of a producer for so long after its last message, and look for ids
// that have expired at an interval: every ten minutes usually. That changes nothing while
// they keep ids for a day.
const (
	expirationCheck         = "producer.id.expiration.check.interval.ms" // cannot be changed while they run
	expirationCheckInterval = "500"
	keptProperty            = "producer.id.expiration.ms" // may be changed while they run
	keptByDefault           = 24 * time.Hour
	brokersTake             = time.Minute // for a change at most
)

// producerIDs are those that brokers know.
type producerIDs struct{ kafka *apachekafka.Cluster }

// client is that of a user who may do everything.
func (i producerIDs) client(do func(*kgo.Client) error) error {
	client, err := i.kafka.InternalClient()
	if err != nil {
		return err
	}
	defer client.Close()
	return do(client)
}

// keep sets for how long brokers keep producer ids, and returns when each does so.
func (i producerIDs) keep(ctx context.Context, d time.Duration) error {
	value := strconv.FormatInt(d.Milliseconds(), 10)
	change := kadm.AlterConfig{Op: kadm.SetConfig, Name: keptProperty, Value: &value}
	if d == keptByDefault {
		change = kadm.AlterConfig{Op: kadm.DeleteConfig, Name: keptProperty}
	}
	err := i.client(func(client *kgo.Client) error {
		answers, err := kadm.NewClient(client).AlterBrokerConfigs(ctx, []kadm.AlterConfig{change}) // of all brokers
		for _, one := range answers {
			err = errors.Join(err, one.Err)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("judge: setting %s=%s: %w", keptProperty, value, err)
	}
	ok, err := awaited(ctx, func() (bool, error) { return i.areKept(ctx, d) })
	if err == nil && !ok {
		err = errors.New("they have another value")
	}
	if err != nil {
		return fmt.Errorf("judge: brokers do not use %s=%s: %w", keptProperty, value, err)
	}
	return nil
}

// areKept asks each broker whether it keeps producer ids for so long.
func (i producerIDs) areKept(ctx context.Context, d time.Duration) (all bool, err error) {
	err = i.client(func(client *kgo.Client) error {
		var ids []int32
		for _, id := range i.kafka.Brokers() {
			ids = append(ids, int32(id)) //nolint:gosec // few
		}
		resources, err := kadm.NewClient(client).DescribeBrokerConfigs(ctx, ids...)
		have := 0
		for _, broker := range resources {
			err = errors.Join(err, broker.Err)
			for _, one := range broker.Configs {
				if one.Key == keptProperty && one.MaybeValue() == strconv.FormatInt(d.Milliseconds(), 10) {
					have++
				}
			}
		}
		all = have == len(ids)
		return err
	})
	return all, err
}

// known counts the producers that each replica of the topic's partitions knows. All
// brokers have replicas.
func (i producerIDs) known(ctx context.Context, topic string, partitions int32) (n int, err error) {
	asked := kmsg.NewDescribeProducersRequestTopic()
	asked.Topic = topic
	for p := range partitions {
		asked.Partitions = append(asked.Partitions, p)
	}
	err = i.client(func(client *kgo.Client) error {
		for _, id := range i.kafka.Brokers() {
			req := kmsg.NewPtrDescribeProducersRequest()
			req.Topics = append(req.Topics, asked)
			resp, err := req.RequestWith(ctx, client.Broker(id))
			if err != nil {
				return fmt.Errorf("judge: asking broker %d for its producers: %w", id, err)
			}
			answered, err := count(resp)
			if err == nil && len(answered) != int(partitions) {
				err = fmt.Errorf("%d of %d partitions are answered", len(answered), partitions)
			}
			if err != nil {
				return fmt.Errorf("judge: producers that broker %d knows of topic %s: %w", id, topic, err)
			}
			for _, producers := range answered {
				n += producers
			}
		}
		return nil
	})
	return n, err
}

// count returns how many producers an answer has for each of its partitions.
func count(resp *kmsg.DescribeProducersResponse) (counts []int, err error) {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
			counts = append(counts, len(p.ActiveProducers))
		}
	}
	return counts, err
}

// awaited asks again and again whether something has come true of brokers. What fails
// has not come true yet, as while they start.
func awaited(ctx context.Context, come func() (bool, error)) (bool, error) {
	const pause = 100 * time.Millisecond
	limit := time.After(brokersTake)
	for {
		ok, err := come()
		if ok && err == nil {
			return true, nil
		}
		select {
		case <-time.After(pause):
		case <-limit:
			return false, err
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}
