package judge

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// checkRoutes refuses routes in modes that are about one topic.
func (o Options) checkRoutes() error {
	switch {
	case o.Routes == 0:
		return nil
	case o.Routes < 2 || o.Routes > load.MaxTopics():
		return fmt.Errorf("judge: routes to %d topics: there can be 2 to %d", o.Routes, load.MaxTopics())
	case o.Door != NoDoor:
		return errors.New("judge: routes are judged without a door")
	case o.Window != 0:
		return errors.New("judge: routes and windows exclude each other")
	default:
		return nil
	}
}

// judgeRoutes judges routes to topics of Apache Kafka.
func (c *cluster) judgeRoutes(ctx context.Context, o Options, w io.Writer) error {
	for _, name := range c.bed.nameTopics(o) {
		err := errors.Join(c.kafka.CreateTopic(ctx, name, partitions, nil), c.kafka.Grant(ctx, rotatedUser, name, kadm.OpWrite, kadm.OpDescribe))
		if err != nil {
			return err
		}
	}
	if o.Spool {
		c.forSpool(c.bed)
	}
	return one(ctx, c.bed, o.Seed, o, w)
}
