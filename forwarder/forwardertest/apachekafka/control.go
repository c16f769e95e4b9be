package apachekafka

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
)

// Brokers returns the node ids: 1, or 1 to 3.
func (c *Cluster) Brokers() []int {
	ids := make([]int, len(c.brokers))
	for i, b := range c.brokers {
		ids[i] = b.id
	}
	return ids
}

// Kill ends a broker at once (SIGKILL), also a paused one, and returns when it
// is gone. Its files stay for [Cluster.Restart].
func (c *Cluster) Kill(id int) { c.broker(id).kill() }

// Stop asks a broker to end (SIGTERM), kills it when it has not done so within
// 3 seconds, and returns when it is gone.
func (c *Cluster) Stop(id int) { c.broker(id).stop() }

// StopAll stops all brokers at once, as [Cluster.Stop] does one.
func (c *Cluster) StopAll() { c.all((*broker).stop) }

// Pause halts a running broker where it is (SIGSTOP): its connections stay
// open and nothing answers.
func (c *Cluster) Pause(id int) error { return c.broker(id).running().Pause() }

// Resume lets a paused broker go on (SIGCONT).
func (c *Cluster) Resume(id int) error { return c.broker(id).running().Resume() }

// Restart starts a broker again, on the same ports and files, after stopping
// it if it runs. It returns when the broker serves, which takes other brokers
// too if most are down: [Cluster.RestartAll] starts several at once.
func (c *Cluster) Restart(ctx context.Context, id int) error {
	return c.restart(ctx, c.broker(id))
}

// RestartAll restarts all brokers at once and returns when they serve.
func (c *Cluster) RestartAll(ctx context.Context) error {
	return c.each(func(b *broker) error { return c.restart(ctx, b) })
}

func (c *Cluster) restart(ctx context.Context, b *broker) error {
	b.stop()
	if err := c.launch(b); err != nil {
		return err
	}
	return c.await(ctx, b)
}

// CutOff keeps a broker of a cluster [WithOneController] from the controller,
// until heal is called. The controller gives its partitions to others once it
// has not heard of it for 3 seconds. The broker knows nothing of that: clients
// and the other brokers still reach it, it takes itself for the leader and
// answers metadata of before. It panics for broker 1, which is the controller.
func (c *Cluster) CutOff(id int) (heal func() error) {
	way := c.ways[c.broker(id).id]
	if way == nil {
		panic(fmt.Sprintf("apachekafka: broker %d cannot be cut off from the controller: it needs WithOneController, and is not 1", id))
	}
	way.Down()
	return way.Up
}

// broker panics for an id that the cluster does not have: a slip of the test.
func (c *Cluster) broker(id int) *broker {
	if id < 1 || id > len(c.brokers) {
		panic(fmt.Sprintf("apachekafka: no broker %d among %d", id, len(c.brokers)))
	}
	return c.brokers[id-1]
}

// LogTail returns the last lines that a broker logged, without the frames of
// Java's stacks. The whole log is gone once the cluster is closed.
func (c *Cluster) LogTail(id int) string {
	var lines []byte
	for line := range strings.Lines(c.broker(id).logText()) {
		if !strings.HasPrefix(line, "\tat ") {
			lines = append(lines, line...)
		}
	}
	return jvm.Tail(lines, logLines)
}

// LogOnFailure has t log the last lines of each broker's log if it fails: for
// a cluster that tests share. [New] does it by itself.
func (c *Cluster) LogOnFailure(t testing.TB) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, b := range c.brokers {
			t.Logf("end of the log of broker %d of Apache Kafka %s:\n%s", b.id, c.opts.version, c.LogTail(b.id))
		}
	})
}
