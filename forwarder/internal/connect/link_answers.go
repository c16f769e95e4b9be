package connect

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// An Overview is the cluster and the topic as one broker shows them.
type Overview struct {
	ClusterID    string // "": it has not told
	Controller   int32  // -1: it has not told
	Brokers      []AdvertisedBroker
	Topic        *sarama.TopicMetadata // nil: it has not told
	ThrottleTime time.Duration         // for which a quota holds the client back
}

// An AdvertisedBroker is a broker as others name it.
type AdvertisedBroker struct {
	ID         int32
	Addr       string
	Partitions []int32 // of the topic, that it leads
}

// Overview asks for cluster and topic.
func (l *Link) Overview(ctx context.Context) (o Overview, err error) {
	err = l.ask(ctx, asking, func(b *Broker) error {
		answer, err := b.Metadata(l.probe.topic, true)
		if err != nil {
			return err
		}
		o.Controller, o.Topic = answer.ControllerID, TopicIn(answer, l.probe.topic)
		o.ThrottleTime = time.Duration(answer.ThrottleTimeMs) * time.Millisecond
		if answer.ClusterID != nil {
			o.ClusterID = *answer.ClusterID
		}
		for id, addr := range Addrs(answer) {
			o.Brokers = append(o.Brokers, AdvertisedBroker{ID: id, Addr: addr})
		}
		return nil
	})
	slices.SortFunc(o.Brokers, func(a, b AdvertisedBroker) int { return cmp.Compare(a.ID, b.ID) })
	if o.Topic == nil {
		return o, err
	}
	slices.SortFunc(o.Topic.Partitions, func(a, b *sarama.PartitionMetadata) int { return cmp.Compare(a.ID, b.ID) })
	for _, p := range o.Topic.Partitions {
		if i := slices.IndexFunc(o.Brokers, func(b AdvertisedBroker) bool { return b.ID == Leader(p) }); i >= 0 {
			o.Brokers[i].Partitions = append(o.Brokers[i].Partitions, p.ID)
		}
	}
	return o, err
}

// CheckTopic returns why the topic of an overview takes no messages at all, except for
// rights to write; nil: it takes some.
func (l *Link) CheckTopic(o Overview) error {
	return l.explain(context.Background(), func() error {
		if o.Topic == nil {
			return l.probe.notMentioned()
		}
		if err := l.probe.checkTopicShown(shown(l.server), l.probe.identityOf(l.cfg), o.Topic); err != nil {
			return err
		}
		if !slices.ContainsFunc(o.Brokers, func(b AdvertisedBroker) bool { return len(b.Partitions) > 0 }) {
			return l.probe.leaderless()
		}
		return nil
	}())
}

// CheckRights returns why the user may not write to the topic, if the broker tells
// that; nil: nothing is known to forbid it.
func (l *Link) CheckRights(o Overview) error {
	return l.explain(context.Background(), l.probe.checkRights(shown(l.server), l.probe.identityOf(l.cfg), o.Topic))
}

// CheckProducerID asks for a producer id, for two seconds if the broker has none yet:
// the first one after a start takes its time.
func (l *Link) CheckProducerID(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, idConfirmation)
	defer cancel()
	for round := 0; ; round++ {
		err := l.ask(ctx, askingForID, func(b *Broker) error {
			return l.probe.checkProducerID(shown(l.server), l.probe.identityOf(l.cfg), b)
		})
		if !errors.Is(err, classNotReady) || !pauseAfter(patient, round) {
			return err
		}
	}
}

// CheckVersions returns why the broker is too old; nil: it is not, or has not told
// its versions.
func (l *Link) CheckVersions() error {
	return l.probe.checkVersions(shown(l.server), l.conn.apiVersions())
}

// TopicConfig asks for the topic's configuration. The error is the broker's code if it
// refuses.
func (l *Link) TopicConfig(ctx context.Context) (map[string]string, error) {
	return l.config(ctx, sarama.TopicResource, l.probe.topic)
}

// BrokerConfig asks for the configuration of the broker itself, whose id this is.
func (l *Link) BrokerConfig(ctx context.Context, id string) (map[string]string, error) {
	return l.config(ctx, sarama.BrokerResource, id)
}

func (l *Link) config(ctx context.Context, kind sarama.ConfigResourceType, name string) (map[string]string, error) {
	var answer *sarama.DescribeConfigsResponse
	err := l.ask(ctx, asking, func(b *Broker) (err error) {
		answer, err = b.Sarama().DescribeConfigs(&sarama.DescribeConfigsRequest{
			Version: 4, Resources: []*sarama.ConfigResource{{Type: kind, Name: name}},
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, r := range answer.Resources {
		if code := sarama.KError(r.ErrorCode); code != sarama.ErrNoError {
			return nil, code
		}
		for _, c := range r.Configs {
			values[c.Name] = c.Value
		}
	}
	return values, nil
}

// Offered lists the SASL mechanisms that the broker offers, as far as it has told.
func (l *Link) Offered() []string {
	if !l.cfg.Net.SASL.Enable {
		return nil
	}
	return l.conn.offered()
}

// SessionLifetime returns for how long the broker takes requests until the client has
// to authenticate again (KIP-368); 0: for as long as the connection lasts, or it has
// not told. It is known until the first question.
func (l *Link) SessionLifetime() time.Duration {
	frames := firstFrames(l.conn.received, maxAnswersToAuthenticate)
	versions := l.conn.apiVersions()
	if !l.cfg.Net.SASL.Enable || len(frames) < 3 || !versions.knows(keySASLAuthenticate, 1) {
		return 0
	}
	last := frames[len(frames)-1]
	tail := len(last) - lifetimeBytes
	if versions.knows(keySASLAuthenticate, 2) {
		tail-- // flexible: it ends with tags, of which there are none
	}
	if tail < 4 {
		return 0
	}
	ms := binary.BigEndian.Uint64(last[tail:])
	const most = uint64(365 * 24 * time.Hour / time.Millisecond)
	return time.Duration(min(ms, most)) * time.Millisecond //nolint:gosec // bounded
}

const lifetimeBytes = 8
