package forwardertest

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Fail has brokers answer requests with an error code of Kafka's protocol, so
// many times, for these partitions of any topic, or all if none is given.
//
// A refused request is not carried out, with two exceptions: a produce request answered
// with REQUEST_TIMED_OUT (7) or NOT_ENOUGH_REPLICAS_AFTER_APPEND (20) is
// appended all the same, as in Kafka.
//
// Fail panics for code 0, which means success: brokers would acknowledge messages
// that they do not write.
func (k *Kafka) Fail(r Request, code int16, times int, partitions ...int32) *Fault {
	return k.fail(kfake.Fault{
		Keys:       []kmsg.Key{kmsg.Key(r)},
		Partitions: partitions,
		Err:        kafkaError(code),
		Count:      times,
	})
}

// kafkaError panics for code 0.
func kafkaError(code int16) *kerr.Error {
	if code == 0 {
		panic("forwardertest: a fault with error code 0, which means success: give the code of an error")
	}
	if e := kerr.TypedErrorForCode(code); e != nil && e.Code == code {
		return e
	}
	return &kerr.Error{Message: fmt.Sprintf("ERROR_%d", code), Code: code}
}

// Leaderless takes the leaders of these partitions of a topic away, of all if
// none is given: metadata shows none, and brokers refuse to write. Reading
// waits until [Fault.Stop].
func (k *Kafka) Leaderless(topic string, partitions ...int32) *Fault {
	return k.fail(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: topic, Partitions: k.partitions(topic, partitions),
			Err: kerr.LeaderNotAvailable, Count: UntilStopped},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: partitions,
			Err: kerr.NotLeaderForPartition, Count: UntilStopped},
	)
}

// partitions spells out what none means: an error of the topic is another one
// than that of each partition.
func (k *Kafka) partitions(topic string, partitions []int32) []int32 {
	if len(partitions) > 0 {
		return partitions
	}
	_ = k.withCluster(func(c *kfake.Cluster) error {
		for _, p := range c.PartitionInfos(topic) {
			partitions = append(partitions, p.Partition)
		}
		return nil
	})
	return partitions
}

func (k *Kafka) fail(faults ...kfake.Fault) *Fault {
	f := newFault(func() {})
	err := k.withCluster(func(c *kfake.Cluster) error {
		f.handle = c.Fault(faults...)
		f.stop = f.handle.Remove
		return nil
	})
	if err != nil {
		return f // there is no broker to hit
	}
	return k.remember(f)
}

// Leader returns the node id of the broker that leads a partition, -1 for a
// partition that does not exist.
func (k *Kafka) Leader(topic string, partition int32) int {
	leader := int32(-1)
	_ = k.withCluster(func(c *kfake.Cluster) error {
		leader = c.LeaderFor(topic, partition)
		return nil
	})
	return int(leader)
}

// MoveLeader makes a broker the leader of a partition. Clients that still ask
// the old one are told that it is not.
func (k *Kafka) MoveLeader(topic string, partition int32, broker int) error {
	return k.withCluster(func(c *kfake.Cluster) error {
		if err := c.MoveTopicPartition(topic, partition, int32(broker)); err != nil { //nolint:gosec // small
			return fmt.Errorf("forwardertest: moving %s/%d to broker %d: %w", topic, partition, broker, err)
		}
		return nil
	})
}

// MoveLeaders makes brokers chosen at random the leaders of all partitions of
// all topics.
func (k *Kafka) MoveLeaders() {
	_ = k.withCluster(func(c *kfake.Cluster) error {
		c.ShufflePartitionLeaders()
		return nil
	})
}
