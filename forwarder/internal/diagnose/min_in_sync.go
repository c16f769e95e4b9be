package diagnose

import (
	"fmt"
	"strconv"
)

// minInSync compares it with the replicas that are in sync now. Where it is above the
// number of replicas, brokers before Kafka 3.7 refuse every message, and later ones
// ask for all replicas.
func (r *run) minInSync(value string) finding {
	least, err := strconv.Atoi(value)
	if err != nil {
		return notUnderstood(value)
	}
	var few []string
	replicas := 0
	above := false // there are not as many replicas
	for _, p := range r.view.Topic.Partitions {
		replicas = max(replicas, len(p.Replicas))
		needed := least
		if least > len(p.Replicas) {
			above = true
			if r.capsMinInSync(p.Leader) {
				needed = len(p.Replicas)
			}
		}
		if len(p.Isr) < needed {
			few = append(few, fmt.Sprint(p.ID))
		}
	}
	const lower = "lower the topic's min.insync.replicas, or give the topic more replicas"
	switch {
	case len(few) > 0 && above:
		return wrong(fmt.Sprintf("%d of %s, more than are in sync: brokers refuse what is written to %s", least, count(replicas, "replica"), fewOf(few)), lower)
	case len(few) > 0:
		return wrong(fmt.Sprintf("%d, more than are in sync: brokers refuse what is written to %s", least, fewOf(few)),
			"start the brokers that are away, or lower the topic's min.insync.replicas")
	case above:
		return warn(fmt.Sprintf("%d of %s: brokers before Kafka 3.7 refuse every message, and these refuse all while one replica is away",
			least, count(replicas, "replica")), lower)
	case least < 2 && replicas > 1:
		return warn(fmt.Sprintf("%d of %d replicas: a message may be acknowledged that one broker alone has", least, replicas),
			"raise the topic's min.insync.replicas to 2")
	default:
		return fine(fmt.Sprintf("%d of %s", least, count(replicas, "replica")))
	}
}

// capsMinInSync reports whether this broker takes a min.insync.replicas above the
// number of replicas for that number. One that could not be reached is taken to be like
// the one that told of the topic.
func (r *run) capsMinInSync(leader int32) bool {
	for _, b := range r.view.Brokers {
		if t := r.walked[b.Addr]; b.ID == leader && t != nil && t.link != nil {
			return t.link.CapsMinInSync()
		}
	}
	return r.links[0].CapsMinInSync()
}
