package diagnose

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
)

// describeTopic looks at the topic, at the user's rights to it, and at its
// configuration. It returns the number of partitions, 0 if that is not known.
func (r *run) describeTopic(ctx context.Context) int32 {
	partitions := int32(0)
	r.main.run(ctx, stepTopic, strconv.Quote(r.topic), []string{stepCluster}, func() finding {
		if err := r.links[0].CheckTopic(r.view); err != nil {
			return failedFor(err, "")
		}
		partitions = int32(len(r.view.Topic.Partitions)) //nolint:gosec // a broker does not have that many
		return replicasFinding(r.view.Topic)
	})
	if partitions > 0 { // it is there, though some partitions may take nothing
		delete(r.main.unknown, stepTopic)
	}
	r.main.run(ctx, stepRights, strconv.Quote(r.topic), []string{stepTopic}, func() finding {
		if err := r.links[0].CheckRights(r.view); err != nil {
			return failedFor(err, "")
		}
		return rightsFinding(r.view.Topic)
	})
	config := sequence{unknown: r.main.unknown}
	r.topicConfig(ctx, &config) // asked first: a broker may close the connection when asked for an id
	r.main.run(ctx, stepProducerID, "", []string{stepTopic, stepRights}, func() finding {
		if err := r.links[0].CheckProducerID(ctx); err != nil {
			return failedFor(err, "")
		}
		return fine("given")
	})
	r.main.checks = append(r.main.checks, config.checks...)
	return partitions
}

// replicasFinding tells of partitions, leaders and replicas.
func replicasFinding(t *sarama.TopicMetadata) finding {
	leaders := map[int32]bool{}
	least := math.MaxInt
	var leaderless, behind []string
	for _, p := range t.Partitions {
		least = min(least, len(p.Replicas))
		if leader := connect.Leader(p); leader < 0 {
			leaderless = append(leaderless, fmt.Sprint(p.ID))
		} else {
			leaders[leader] = true
		}
		if len(p.Isr) < len(p.Replicas) {
			behind = append(behind, fmt.Sprint(p.ID))
		}
	}
	found := fmt.Sprintf("%s on %s, %s each", count(len(t.Partitions), "partition"), count(len(leaders), "leader"), count(least, "replica"))
	switch {
	case len(leaderless) > 0:
		return wrong(found+", without a leader: "+fewOf(leaderless), "start the brokers that have their replicas")
	case len(behind) > 0:
		return warn(found+", not all in sync: "+fewOf(behind), "start the brokers that are away, and check that all reach each other")
	case least < 2:
		return warn(found, "give each partition more replicas: a lost disk loses its messages (kafka-reassign-partitions)")
	default:
		return fine(found + ", all in sync")
	}
}

// fewOf lists the first of some partitions.
func fewOf(list []string) string {
	const most = 8
	text := "partition "
	if len(list) > 1 {
		text = "partitions "
	}
	if len(list) > most {
		return text + strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
	}
	return text + strings.Join(list, ", ")
}

// operations are those of KIP-430 that a topic can have, by Kafka's numbers.
func operations() []string {
	return []string{
		3: "READ", 4: "WRITE", 5: "CREATE", 6: "DELETE", 7: "ALTER", 8: "DESCRIBE", 10: "DESCRIBE_CONFIGS", 11: "ALTER_CONFIGS",
	}
}

// rightsFinding lists what the user may do with the topic.
func rightsFinding(t *sarama.TopicMetadata) finding {
	if t.Version < 8 || t.TopicAuthorizedOperations == math.MinInt32 {
		return leftOut("brokers before Kafka 2.3 do not tell rights", "")
	}
	var list []string
	for op, name := range operations() {
		if name != "" && t.TopicAuthorizedOperations&(1<<op) != 0 {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return leftOut("the broker does not tell rights", "")
	}
	return fine(strings.Join(list, ", "))
}
