package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/settings"
)

// Users of their own, for what is taken away from them.
const (
	aclUser, aclPassword         = "judged-acl", "judged-acl-secret"
	scramUser, scramPassword     = "judged-scram", "judged-scram-secret"
	rotatedUser, rotatedPassword = "judged-rotated", "judged-rotated-secret"
	scenarioMethod               = settings.SCRAMSHA512
)

// A side is what happens to a topic of its own.
type scenario struct {
	name       string
	user       string
	password   string
	partitions []int32           // the numbers it has, one after another
	properties map[string]string // of the topic
	script     func(ctx context.Context, r *run) error
}

func (c *cluster) scenarios(p Producer) []scenario {
	six := []int32{6}
	list := []scenario{
		{name: "partitions added", partitions: []int32{6, 12}, script: c.addPartitions},
		{name: "topic deleted and created again", partitions: six, script: c.recreate},
		{name: "right to write withdrawn and granted", user: aclUser, password: aclPassword, partitions: six, script: c.withdraw},
		{name: "SCRAM credential changed and restored", user: scramUser, password: scramPassword, partitions: six, script: c.changePassword},
	}
	if p == ProducerSarama {
		return list // it fails neighbours, too
	}
	return append(list, scenario{
		name: "some messages too large for the topic", partitions: six,
		properties: map[string]string{"max.message.bytes": strconv.Itoa(topicTakes)}, script: c.refuse,
	})
}

// runScenarios judges what happens to topics of their own.
func runScenarios(ctx context.Context, main *testbed, c *cluster, o Options, w io.Writer) error {
	var failed error
	for i, s := range c.scenarios(o.Producer) {
		g := *main
		g.name, g.partitions, g.script = main.name+", "+s.name, s.partitions, s.script
		g.settings.TopicName = fmt.Sprintf("judged-%d", i+1)
		g.reader.TopicName = g.settings.TopicName
		g.settings.UserName, g.settings.Password = g.reader.UserName, g.reader.Password
		if s.user != "" {
			g.settings.UserName, g.settings.Password = s.user, settings.NewSecret(s.password)
			ops := []kadm.ACLOperation{kadm.OpWrite, kadm.OpDescribe}
			if err := c.kafka.Grant(ctx, s.user, g.settings.TopicName, ops...); err != nil {
				return err
			}
		}
		if err := c.kafka.CreateTopic(ctx, g.settings.TopicName, s.partitions[0], s.properties); err != nil {
			return err
		}
		o := o
		o.Goals = Goals{Users: 60, Keyless: 2, Rate: 600, MaxStall: healTimeout, Limit: o.Goals.Limit}
		failed = errors.Join(failed, one(ctx, &g, o.Seed+uint64(i), o, w)) //nolint:gosec // small
	}
	return failed
}

const (
	scenarioStep    = 600 // messages before and after what happens
	scenarioTimeout = 60 * time.Second
)

// more waits until scenarioStep more messages are acknowledged: NoProgress.
func (r *run) more(ctx context.Context) error {
	before, _ := r.history.snapshot()
	ok, err := r.eventually(ctx, func() (bool, error) {
		t, _ := r.history.snapshot()
		return t.Acknowledged-before.Acknowledged >= scenarioStep, nil
	})
	if err == nil && !ok {
		r.checker.add(NoProgress, noAttempt(), "%d messages were not acknowledged within %s", scenarioStep, scenarioTimeout)
	}
	return err
}

// eventually asks again and again whether something has come true.
func (r *run) eventually(ctx context.Context, come func() (bool, error)) (bool, error) {
	const pause = 100 * time.Millisecond
	limit := time.After(scenarioTimeout)
	for {
		if ok, err := come(); ok || err != nil {
			return ok, err
		}
		select {
		case <-time.After(pause):
		case <-limit:
			return false, nil
		case <-r.process.ended:
			return false, r.exited()
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// addPartitions waits until the new ones are used. Clients learn of them when
// they look again, which cut connections make them do.
func (c *cluster) addPartitions(ctx context.Context, r *run) error {
	r.checker.spread = false // choices among two numbers
	err := r.grow(ctx, c.admin, func(add func() error) error { return add() }, func() {
		for _, p := range c.proxies {
			p.Cut()
		}
	})
	return errors.Join(err, r.more(ctx))
}

func (c *cluster) recreate(ctx context.Context, r *run) error {
	r.checker.spread = false // some are gone
	if err := r.more(ctx); err != nil {
		return err
	}
	name := r.testbed.settings.TopicName
	if err := c.kafka.DeleteTopic(ctx, name); err != nil {
		return err
	}
	if err := c.kafka.CreateTopic(ctx, name, r.testbed.partitions[0], nil); err != nil {
		return err
	}
	r.history.mu.Lock()
	r.checker.forgiven = r.history.position // what was forwarded before is gone
	r.history.mu.Unlock()
	return r.more(ctx)
}

func (c *cluster) withdraw(ctx context.Context, r *run) error {
	r.checker.spread = false // what waits gathers for one partition
	if err := r.more(ctx); err != nil {
		return err
	}
	name := r.testbed.settings.TopicName
	if err := c.kafka.Revoke(ctx, aclUser, name, kadm.OpWrite); err != nil {
		return err
	}
	noticed, complaint := r.stalled, "messages are acknowledged without the right to write"
	if r.config.Producer == ProducerSarama {
		noticed, complaint = r.callsFailed(10), "no call failed though the right to write is gone"
	}
	ok, err := r.eventually(ctx, noticed)
	if err == nil && !ok {
		r.checker.add(NoProgress, noAttempt(), "%s", complaint)
	}
	return errors.Join(err, c.kafka.Grant(ctx, aclUser, name, kadm.OpWrite), r.more(ctx))
}

// stalled: all that is forwarded waits.
func (r *run) stalled() (bool, error) {
	const long = 5 * time.Second
	return r.history.stalledFor(time.Since(r.began)) > long, nil
}

// callsFailed: so many calls have failed.
func (r *run) callsFailed(calls int) func() (bool, error) {
	return func() (bool, error) {
		r.history.mu.Lock()
		defer r.history.mu.Unlock()
		return len(r.history.failed) >= calls, nil
	}
}

// topicTakes is less than batches that are split have in one message, and more
// than others have.
const topicTakes = 16 << 10

// refuse waits until some have been refused. Who was beside them must not
// notice.
func (c *cluster) refuse(ctx context.Context, r *run) error {
	r.excused = func(s load.Shape) bool { return s == load.Split }
	ok, err := r.eventually(ctx, r.callsFailed(5))
	if err == nil && !ok {
		r.checker.add(NothingHappened, noAttempt(), "no message was too large for the topic")
	}
	return errors.Join(err, r.more(ctx))
}

func (c *cluster) changePassword(ctx context.Context, r *run) error {
	r.checker.spread = false // what waits gathers for one partition
	if err := r.more(ctx); err != nil {
		return err
	}
	const without = 5 * time.Second
	if err := c.kafka.SetPassword(ctx, scramUser, "another", scenarioMethod); err != nil {
		return err
	}
	for _, p := range c.proxies {
		p.Cut()
	}
	select {
	case <-time.After(without):
	case <-ctx.Done():
		return ctx.Err()
	}
	return errors.Join(c.kafka.SetPassword(ctx, scramUser, scramPassword, scenarioMethod), r.more(ctx))
}
