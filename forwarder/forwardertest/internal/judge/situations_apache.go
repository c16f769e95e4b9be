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
		tooNew: func(string) {}, // they do by themselves
	}
	w.outage = func(ctx context.Context, d time.Duration) error {
		for _, id := range c.kafka.Brokers() {
			c.kafka.Kill(id)
			c.killed.Add(1)
		}
		<-time.After(d)
		return c.kafka.RestartAll(ctx)
	}
	w.tooOld = func(ctx context.Context, topic string) (func(), error) {
		const property, old, long = "message.timestamp.before.max.ms", "1000", 1500 * time.Millisecond
		err := setTopic(ctx, w, topic, property, old)
		<-time.After(long)
		return func() {}, err
	}
	w.bed = func(s situation) (*testbed, func(), error) {
		g := *main
		g.settings.TopicName, g.reader.TopicName, g.fault = topic, topic, nil
		g.settings.UserName, g.settings.Password = g.reader.UserName, g.reader.Password // who may use every topic
		return &g, func() {}, c.kafka.CreateTopic(ctx, topic, s.partitions[0], nil)
	}
	return w
}
