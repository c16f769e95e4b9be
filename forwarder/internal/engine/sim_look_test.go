package engine

import "github.com/IBM/sarama"

// look is what a leader says of its log. It shows what only it has, too, as no
// broker should: its client must not believe that.
func (s *simCluster) look(b *simBroker, q *logQuery) (logAnswer, error) {
	if int(q.partition) >= len(s.partitions) { // the topic was replaced by one with fewer
		return logAnswer{}, sarama.ErrUnknownTopicOrPartition
	}
	p := s.partitions[q.partition]
	switch {
	case p.leader != b.id:
		return logAnswer{}, sarama.ErrNotLeaderForPartition
	case p.hidden:
		return logAnswer{}, sarama.ErrTopicAuthorizationFailed
	}
	a := logAnswer{highWatermark: p.log.safe, lastSequence: noSequence}
	if known := p.log.producers[q.producerID]; known != nil && known.epoch == q.epoch {
		a.lastSequence = known.last
	}
	for _, w := range p.log.written {
		if w.producer == q.producerID && w.epoch == q.epoch && w.first == q.firstSequence {
			a.found, a.offset, a.records = true, w.offset, len(w.records)
			return a, nil
		}
	}
	return a, nil
}
