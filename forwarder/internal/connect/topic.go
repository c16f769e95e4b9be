package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/IBM/sarama"
)

// A topicView is the topic as one broker showed it.
type topicView struct {
	server  string   // that broker
	brokers []string // all that it knows, as they are advertised
	leaders []leadingBroker
	waiting map[int32]error // why partitions take no writes, or may take none
}

// A leadingBroker leads partitions of the topic: their messages are sent to it.
type leadingBroker struct {
	id         int32
	addr       string // as advertised
	partitions []int32
}

func (l leadingBroker) String() string {
	list := make([]string, len(l.partitions))
	for i, p := range l.partitions {
		list[i] = strconv.Itoa(int(p))
	}
	word := "partitions"
	switch len(list) {
	case 0:
		return fmt.Sprintf("broker %d, leader of no partition", l.id)
	case 1:
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

var (
	errNoLeaderYet = errors.New("the topic has no partition with a leader yet")
	errFewInSync   = errors.New("Kafka refuses writes below min.insync.replicas") //nolint:staticcheck // a name
)

// askForTopic asks server for the topic.
func (p *Probe) askForTopic(ctx context.Context, cfg *sarama.Config, server string) (topicView, error) {
	v := topicView{server: server}
	err := p.connectAndAsk(ctx, cfg, server, func(b *Broker, at *progress) error {
		answer, err := b.Metadata(p.topic, true)
		if err != nil {
			return err
		}
		topic := TopicIn(answer, p.topic)
		if topic == nil {
			return p.notMentioned()
		}
		addrs := Addrs(answer)
		v.brokers = slices.Sorted(maps.Values(addrs))
		if err := p.checkTopic(shown(server), p.identityOf(cfg), topic); err != nil {
			return err
		}
		v.leaders, v.waiting = groupByLeader(topic, addrs)
		if len(v.leaders) == 0 {
			return p.leaderless()
		}
		at.set(askingForID)
		return p.checkProducerID(shown(server), p.identityOf(cfg), b)
	})
	return v, err
}

func (p *Probe) notMentioned() error {
	return &classedError{classNotReady, fmt.Errorf("the answer does not mention topic %s", quote(p.topic))}
}

func (p *Probe) leaderless() error {
	return &classedError{classNotReady, fmt.Errorf("topic %s: %w", quote(p.topic), errNoLeaderYet)}
}

// checkProducerID asks for a producer id, without which nothing is written.
func (p *Probe) checkProducerID(server string, who identity, b *Broker) error {
	_, err := b.ProducerID()
	code, answered := errors.AsType[sarama.KError](err)
	switch {
	case !answered:
		return err
	case code == sarama.ErrUnsupportedVersion, code == sarama.ErrTransactionalIDAuthorizationFailed:
		return refusef("%s gives no producer id: needs Kafka 0.11 or newer: %w", server, err)
	case code == sarama.ErrClusterAuthorizationFailed:
		return refusef("%s does not let %s write idempotently: grant it the operation WRITE on topic %s, "+
			"and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster: %w", server, who, quote(p.topic), err)
	default:
		return &classedError{classNotReady, fmt.Errorf("getting a producer id: %w", err)}
	}
}

// checkTopic explains the broker's verdict on the topic, and on the right to write.
func (p *Probe) checkTopic(server string, who identity, t *sarama.TopicMetadata) error {
	if err := p.checkTopicShown(server, who, t); err != nil {
		return err
	}
	return p.checkRights(server, who, t)
}

// checkTopicShown explains why a broker does not show the topic.
func (p *Probe) checkTopicShown(server string, who identity, t *sarama.TopicMetadata) error {
	topic := quote(p.topic)
	switch t.Err {
	case sarama.ErrNoError, sarama.ErrLeaderNotAvailable:
	case sarama.ErrUnknownTopicOrPartition:
		return refusef("%s has no topic %s: create it, or correct %s: %w", server, topic, p.topicFrom, t.Err)
	case sarama.ErrTopicAuthorizationFailed:
		return refusef("%s does not let %s see topic %s, if there is one: grant it the operations WRITE and DESCRIBE, or correct %s: %w",
			server, who, topic, p.topicFrom, t.Err)
	case sarama.ErrInvalidTopic:
		return refusef("%s rejects %s as a topic name: correct %s: %w", server, topic, p.topicFrom, t.Err)
	default:
		return &classedError{classNotReady, fmt.Errorf("topic %s: %w", topic, t.Err)}
	}
	return nil
}

// checkRights refuses a topic that the user sees and may not write to, if the
// broker tells rights.
func (p *Probe) checkRights(server string, who identity, t *sarama.TopicMetadata) error {
	ops := t.TopicAuthorizedOperations
	if t.Version >= 8 && ops != opsUnknown && ops&opDescribe != 0 && ops&opWrite == 0 {
		return refusef("%s does not let %s write to topic %s: grant it the operation WRITE: %w",
			server, who, quote(p.topic), sarama.ErrTopicAuthorizationFailed)
	}
	return nil
}

// groupByLeader groups the partitions by leader, and lists those that do not take
// writes.
func groupByLeader(t *sarama.TopicMetadata, addrs map[int32]string) (leaders []leadingBroker, waiting map[int32]error) {
	waiting = map[int32]error{}
	for _, p := range t.Partitions {
		addr, known := addrs[Leader(p)]
		if !known {
			waiting[p.ID] = fmt.Errorf("partition %d of topic %s has no leader: %w", p.ID, quote(t.Name),
				cmp.Or(p.Err, sarama.ErrLeaderNotAvailable))
			continue
		}
		if len(p.Isr) < len(p.Replicas) {
			waiting[p.ID] = fmt.Errorf("partition %d of topic %s has %d of %d replicas in sync: %w",
				p.ID, quote(t.Name), len(p.Isr), len(p.Replicas), errFewInSync)
		}
		of := slices.IndexFunc(leaders, func(l leadingBroker) bool { return l.id == p.Leader })
		if of < 0 {
			of = len(leaders)
			leaders = append(leaders, leadingBroker{id: p.Leader, addr: addr})
		}
		leaders[of].partitions = append(leaders[of].partitions, p.ID)
	}
	for _, l := range leaders {
		slices.Sort(l.partitions)
	}
	slices.SortFunc(leaders, func(a, b leadingBroker) int { return cmp.Compare(a.id, b.id) })
	return leaders, waiting
}
