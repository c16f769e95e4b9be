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

// show tells of what an answer shows that is of the largest attempt.
func (s *simCluster) show(call *simCall) {
	q, a := &call.query, &call.log
	if call.err != nil || !a.found || a.records != q.largest || int(q.partition) >= len(s.partitions) {
		return
	}
	for _, w := range s.partitions[q.partition].log.written {
		if w.offset == a.offset && w.end() <= a.highWatermark {
			s.shown(w.simBatch)
		}
	}
}
