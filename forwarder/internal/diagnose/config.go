package diagnose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/settings"
)

// topicConfig compares the topic's configuration with what is sent.
func (r *run) topicConfig(ctx context.Context, s *sequence) {
	var values map[string]string
	ask := func(step string, grant string, get func() (map[string]string, error)) {
		var own sequence
		own.unknown = s.unknown
		own.run(ctx, step, "", []string{stepTopic}, func() finding {
			var err error
			if values, err = get(); err != nil {
				values = nil
				return notDescribed(err, grant)
			}
			return fine("")
		})
		if len(values) == 0 {
			s.checks = append(s.checks, own.checks...)
		}
	}
	ask(stepTopicConfig, fmt.Sprintf("grant DESCRIBE_CONFIGS on topic %q to have it checked", r.topic),
		func() (map[string]string, error) { return r.links[0].TopicConfig(ctx) })
	rules := topicRules()
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if value, ok := values[name]; ok {
			s.run(ctx, stepTopicConfig, name, nil, func() finding { return rules[name](r, value) })
		}
	}
	values = nil
	ask(stepBrokerConfig, "grant DESCRIBE_CONFIGS on the cluster to have it checked", func() (map[string]string, error) {
		for _, b := range r.view.Brokers {
			if t := r.walked[b.Addr]; t != nil && t.link != nil {
				return t.link.BrokerConfig(ctx, fmt.Sprint(b.ID))
			}
		}
		return nil, errNoBroker
	})
	if value, ok := values[producerExpiration]; ok {
		s.run(ctx, stepBrokerConfig, producerExpiration, nil, func() finding { return expirationFinding(value) })
	}
}

var errNoBroker = errors.New("no advertised broker can be reached")

// notDescribed is what became of a question for a configuration that need not be
// answered.
func notDescribed(err error, grant string) finding {
	if code, ok := errors.AsType[sarama.KError](err); ok &&
		(code == sarama.ErrTopicAuthorizationFailed || code == sarama.ErrClusterAuthorizationFailed) {
		return leftOut("the user may not see it", grant)
	}
	return leftOut(connect.Line("not answered: "+err.Error()), "")
}

// topicRules compare one setting of the topic with what is sent.
func topicRules() map[string]func(*run, string) finding {
	return map[string]func(*run, string) finding{
		"max.message.bytes":               (*run).maxMessageBytes,
		"cleanup.policy":                  (*run).cleanupPolicy,
		"compression.type":                (*run).compression,
		"min.insync.replicas":             (*run).minInSync,
		"message.timestamp.type":          (*run).timestampType,
		"message.timestamp.before.max.ms": (*run).oldestTimestamp,
		"message.timestamp.after.max.ms":  (*run).newestTimestamp,
	}
}

func (r *run) maxMessageBytes(value string) finding {
	limit, err := strconv.Atoi(value)
	if err != nil {
		return notUnderstood(value)
	}
	ours := r.delivery.MaxMessageBytes
	if limit < ours {
		return warn(fmt.Sprintf("%d, below delivery.max_message_bytes, which is %d: messages that do not compress below it are refused", limit, ours),
			"raise the topic's max.message.bytes, or lower delivery.max_message_bytes")
	}
	return fine(fmt.Sprintf("%d, delivery.max_message_bytes is %d", limit, ours))
}

func (r *run) cleanupPolicy(value string) finding {
	if strings.Contains(value, "compact") {
		return warn(connect.Named(value)+": brokers refuse batches without a user id, and keep only the newest message of each user",
			"set the topic's cleanup.policy to delete")
	}
	return fine(connect.Named(value))
}

func (r *run) compression(value string) finding {
	ours := string(r.delivery.Compression)
	if r.delivery.Compression == settings.NoCompression {
		ours = "uncompressed"
	}
	if value != "producer" && value != ours {
		return warn(fmt.Sprintf("%s, delivery.compression is %s: brokers compress everything again", connect.Named(value), r.delivery.Compression),
			"set the topic's compression.type to producer")
	}
	return fine(value)
}

func (r *run) timestampType(value string) finding {
	if value == "LogAppendTime" {
		return fine(value + ": the broker's clock counts, not the time of acceptance")
	}
	return fine(connect.Named(value))
}

// Messages are stamped when they are accepted, up to a minute ahead of the clock, and
// may wait for as long as an outage lasts.
const (
	clocksDiffer  = 2 * time.Minute
	outageLasts   = day
	longDurations = 10 * 365 * day
)

func (r *run) oldestTimestamp(value string) finding {
	limit, err := milliseconds(value)
	switch {
	case err != nil:
		return notUnderstood(value)
	case limit < outageLasts:
		return warn(fmt.Sprintf("%s: messages that have waited longer are refused", limit), "raise the topic's message.timestamp.before.max.ms")
	default:
		return fine(lasting(limit))
	}
}

func (r *run) newestTimestamp(value string) finding {
	limit, err := milliseconds(value)
	switch {
	case err != nil:
		return notUnderstood(value)
	case limit < clocksDiffer:
		return warn(fmt.Sprintf("%s: messages are refused when this host's clock is further ahead", limit), "raise the topic's message.timestamp.after.max.ms")
	default:
		return fine(lasting(limit))
	}
}

// producerExpiration is after how long brokers forget a producer that writes nothing
// (KIP-854).
const producerExpiration = "producer.id.expiration.ms"

func expirationFinding(value string) finding {
	limit, err := milliseconds(value)
	switch {
	case err != nil:
		return notUnderstood(value)
	case limit < time.Hour:
		return warn(fmt.Sprintf("%s: what is tried again after that may be written twice", limit), "raise the brokers' "+producerExpiration)
	default:
		return fine(lasting(limit))
	}
}

func notUnderstood(value string) finding {
	return leftOut(connect.Named(value)+" is not understood", "")
}

func milliseconds(value string) (time.Duration, error) {
	ms, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, err
	}
	return time.Duration(min(ms, int64(longDurations/time.Millisecond))) * time.Millisecond, nil
}

func lasting(d time.Duration) string {
	if d >= longDurations {
		return "no limit"
	}
	return d.String()
}
