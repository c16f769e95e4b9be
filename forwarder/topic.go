package forwarder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/IBM/sarama"
)

// A view is the topic as one broker showed it.
type view struct {
	server  string // who showed it
	leaders []leader
	waiting map[int32]error // partitions that cannot be written to, or may not take writes, and why
}

// A leader is a broker that messages of the topic are sent to.
type leader struct {
	id         int32
	addr       string // as advertised
	partitions []int32
}

func (l leader) String() string {
	list := make([]string, len(l.partitions))
	for i, p := range l.partitions {
		list[i] = strconv.Itoa(int(p))
	}
	word := "partitions"
	if len(list) == 1 {
		word = "partition"
	}
	return fmt.Sprintf("broker %d, leader of %s %s", l.id, word, few(list))
}

// Bits of KIP-430's authorized operations, numbered by Kafka's AclOperation.
const (
	opWrite    = 1 << 4
	opDescribe = 1 << 8
	opsUnknown = math.MinInt32 // what older brokers answer
)

// An unreadyError is an answer that trying again may change.
type unreadyError struct{ err error }

func (e *unreadyError) Error() string { return e.err.Error() }
func (e *unreadyError) Unwrap() error { return e.err }

var errForming = errors.New("the topic has no partition with a leader yet")

// show asks server for the topic.
func (p *probe) show(ctx context.Context, cfg *sarama.Config, server string) (view, error) {
	v := view{server: server}
	err := p.meet(ctx, cfg, server, func(b *sarama.Broker) error {
		req := sarama.NewMetadataRequest(cfg.Version, []string{p.topic})
		req.AllowAutoTopicCreation = false
		req.IncludeTopicAuthorizedOperations = true
		answer, err := b.GetMetadata(req)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(answer.Topics, func(t *sarama.TopicMetadata) bool { return t.Name == p.topic })
		if i < 0 {
			return &unreadyError{fmt.Errorf("the answer does not mention topic %s", quote(p.topic))}
		}
		topic := answer.Topics[i]
		if err := p.checkTopic(server, p.who(cfg), topic); err != nil {
			return err
		}
		v.leaders, v.waiting = placement(topic, answer.Brokers)
		if len(v.leaders) == 0 {
			return &unreadyError{fmt.Errorf("topic %s: %w", quote(p.topic), errForming)}
		}
		return nil
	})
	return v, err
}

// checkTopic explains the broker's verdict on the topic.
func (p *probe) checkTopic(server string, who identity, t *sarama.TopicMetadata) error {
	topic := quote(p.topic)
	switch t.Err {
	case sarama.ErrNoError, sarama.ErrLeaderNotAvailable:
	case sarama.ErrUnknownTopicOrPartition:
		return refusef("%s has no topic %s: create it, or correct topic_name: %w", server, topic, t.Err)
	case sarama.ErrTopicAuthorizationFailed:
		return refusef("%s does not let %s see topic %s, if there is one: grant it the operations WRITE and DESCRIBE: %w", server, who, topic, t.Err)
	case sarama.ErrInvalidTopic:
		return refusef("%s takes %s for no topic's name: correct topic_name: %w", server, topic, t.Err)
	default:
		return &unreadyError{fmt.Errorf("topic %s: %w", topic, t.Err)}
	}
	ops := t.TopicAuthorizedOperations
	if t.Version >= 8 && ops != opsUnknown && ops&opDescribe != 0 && ops&opWrite == 0 {
		return refusef("%s does not let %s write to topic %s: grant it the operation WRITE: %w",
			server, who, topic, sarama.ErrTopicAuthorizationFailed)
	}
	return nil
}

// placement groups the partitions by leader, and lists those that do not take
// writes.
func placement(t *sarama.TopicMetadata, brokers []*sarama.Broker) (leaders []leader, waiting map[int32]error) {
	waiting = map[int32]error{}
	for _, p := range t.Partitions {
		at := slices.IndexFunc(brokers, func(b *sarama.Broker) bool { return b.ID() == p.Leader })
		if at < 0 || p.Err != sarama.ErrNoError && p.Err != sarama.ErrReplicaNotAvailable { // that one is about another replica
			waiting[p.ID] = fmt.Errorf("partition %d of topic %s has no leader: %w", p.ID, quote(t.Name),
				cmp.Or(p.Err, sarama.ErrLeaderNotAvailable))
			continue
		}
		if len(p.Isr) < len(p.Replicas) {
			waiting[p.ID] = fmt.Errorf("partition %d of topic %s has %d of %d replicas in sync: Kafka refuses writes below min.insync.replicas",
				p.ID, quote(t.Name), len(p.Isr), len(p.Replicas))
		}
		of := slices.IndexFunc(leaders, func(l leader) bool { return l.id == p.Leader })
		if of < 0 {
			of = len(leaders)
			leaders = append(leaders, leader{id: p.Leader, addr: brokers[at].Addr()})
		}
		leaders[of].partitions = append(leaders[of].partitions, p.ID)
	}
	for _, l := range leaders {
		slices.Sort(l.partitions)
	}
	slices.SortFunc(leaders, func(a, b leader) int { return cmp.Compare(a.id, b.id) })
	return leaders, waiting
}
