package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// apacheSituations are those of real brokers, each on a topic of its own.
func apacheSituations(ctx context.Context, main *testbed, c *cluster, o Options, out io.Writer) error {
	var failed error
	for i, s := range situations() {
		w := c.world(ctx, main, fmt.Sprintf("%s-%d", situated, i))
		failed = errors.Join(failed, s.run(ctx, w, o, out))
	}
	return failed
}

func (c *cluster) world(ctx context.Context, main *testbed, topic string) *world {
	w := &world{
		admin:  c.admin,
		remove: c.kafka.DeleteTopic,
		create: func(ctx context.Context, topic string, n int32) error { return c.kafka.CreateTopic(ctx, topic, n, nil) },
	}
	w.kept, w.outage = idsKept, func(ctx context.Context, r *run) (func() error, error) { return c.forgetting(ctx, r, idsKept) }
	w.tooOld = func(ctx context.Context, topic string) (func(), error) {
		const property, old, long = "message.timestamp.before.max.ms", "1000", 1500 * time.Millisecond
		err := setTopic(ctx, w, topic, property, old)
		<-time.After(long)
		return func() {}, err
	}
	w.tooNew = func(ctx context.Context, topic string) error {
		const property, hour = "message.timestamp.after.max.ms", "3600000" // the default from Kafka 4.0 on
		return setTopic(ctx, w, topic, property, hour)
	}
	w.bed = func(s situation) (*testbed, func(), error) {
		g := *main
		g.settings.TopicName, g.reader.TopicName, g.fault = topic, topic, nil
		g.settings.UserName, g.settings.Password = g.reader.UserName, g.reader.Password // who may use every topic
		return &g, func() {}, c.kafka.CreateTopic(ctx, topic, s.partitions[0], nil)
	}
	return w
}

// idsKept is for how long brokers keep producer ids in an outage. The forwarder sends
// again for half of it without a doubt, which must be enough for brokers that are not out.
const idsKept = 10 * time.Second

// allAway kills all brokers, and starts them after a while.
func (c *cluster) allAway(ctx context.Context, d time.Duration) error {
	for _, id := range c.kafka.Brokers() {
		c.kafka.Kill(id)
		c.killed.Add(1)
	}
	<-time.After(d)
	return c.kafka.RestartAll(ctx)
}

// forgetting is an outage of brokers that keep producer ids for so long only. It ends
// when no replica knows any producer of the topic. After restore, which is never nil,
// brokers keep ids as before.
func (c *cluster) forgetting(ctx context.Context, r *run, kept time.Duration) (restore func() error, err error) {
	ids := producerIDs{c.kafka}
	name, partitions := r.testbed.settings.TopicName, r.testbed.partitions[0]
	known, err := ids.known(ctx, name, partitions)
	if err == nil && known == 0 {
		err = fmt.Errorf("judge: no broker knows a producer of topic %s before the outage", name)
	}
	if err != nil {
		return func() error { return nil }, err
	}
	restore = func() error { return ids.keep(ctx, keptByDefault) }
	if err := ids.keep(ctx, kept); err != nil {
		return restore, err
	}
	if err := c.allAway(ctx, kept); err != nil {
		return restore, err
	}
	left := known
	gone, err := awaited(ctx, func() (_ bool, err error) {
		left, err = ids.known(ctx, name, partitions)
		return left == 0, err
	})
	switch {
	case err != nil:
		return restore, err
	case gone:
		r.forgotten = known
	default:
		r.checker.add(NothingHappened, noAttempt(), "%s after brokers were back their replicas know %d producers, of %d before", brokersTake, left, known)
	}
	return restore, nil
}
