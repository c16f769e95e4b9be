package engine

import (
	"github.com/IBM/sarama"
)

// written implements [brokerConn]. It does not wait when the broker throttles it: what
// is asked next is answered later. It asks for the producer's last sequence number,
// for where the log has records of this time, and reads on from there.
func (c *saramaConn) written(q *logQuery) (logAnswer, error) {
	last, err := c.lastSequence(q)
	if err != nil {
		return logAnswer{}, err
	}
	appended := q.appended(last)
	if last != noSequence && !appended {
		return logAnswer{lastSequence: last}, nil // nor is it in the log
	}
	from, err := c.firstOffset(q)
	if err != nil {
		return logAnswer{}, err
	}
	answer := logAnswer{lastSequence: last}
	for left := maxLogBytes; left > 0 && !answer.found; {
		fetched, err := c.fetch(q, from, min(left, maxFetchBytes))
		if err != nil {
			return logAnswer{}, err
		}
		left -= max(len(fetched.records), minFetchCost)
		if answer, from, err = fetched.find(q, from); err != nil {
			return logAnswer{}, err
		}
		answer.lastSequence = last
		if from >= fetched.highWatermark && !appended {
			break
		}
	}
	return answer, nil
}

// lastSequence returns the last sequence number that the leader has appended of
// the producer, noSequence if it does not know the producer in this epoch.
func (c *saramaConn) lastSequence(q *logQuery) (int32, error) {
	answer, err := c.broker.Sarama().DescribeProducers(&sarama.DescribeProducersRequest{
		Topics: []sarama.DescribeProducersRequestTopic{{Name: q.topic, PartitionIndexes: []int32{q.partition}}},
	})
	if err != nil {
		return noSequence, err
	}
	if len(answer.Topics) != 1 || answer.Topics[0].Name != q.topic || len(answer.Topics[0].Partitions) != 1 {
		return noSequence, errOddLogAnswer
	}
	p := &answer.Topics[0].Partitions[0]
	switch {
	case p.ErrorCode != sarama.ErrNoError:
		return noSequence, p.ErrorCode
	case p.PartitionIndex != q.partition:
		return noSequence, errOddLogAnswer
	}
	for _, one := range p.ActiveProducers {
		if one.ProducerID == q.producerID && one.ProducerEpoch == int32(q.epoch) {
			return max(one.LastSequence, noSequence), nil
		}
	}
	return noSequence, nil
}

// firstOffset returns the offset from which on a record of this time can be. If none
// is so new, that is where the next one will be.
func (c *saramaConn) firstOffset(q *logQuery) (int64, error) {
	from, err := c.offsetAt(q, q.timestamp)
	if err == nil && from < 0 {
		from, err = c.offsetAt(q, sarama.OffsetNewest)
	}
	if err == nil && from < 0 {
		err = errOddLogAnswer
	}
	return from, err
}

func (c *saramaConn) offsetAt(q *logQuery, timestamp int64) (int64, error) {
	answer, err := c.broker.Ask(offsetKey, offsetVersion, offsetRequest(q.topic, q.partition, timestamp), maxAnswerOverhead)
	if err != nil {
		return 0, err
	}
	return readOffset(answer, q.topic, q.partition)
}

func (c *saramaConn) fetch(q *logQuery, from int64, most int) (fetchedLog, error) {
	answer, err := c.broker.Ask(fetchKey, fetchVersion, fetchRequest(q.topic, q.partition, from, most), maxLogBytes+maxAnswerOverhead)
	if err != nil {
		return fetchedLog{}, err
	}
	fetched, err := readFetched(answer, q.topic, q.partition)
	if err == nil && fetched.code != sarama.ErrNoError {
		err = fetched.code
	}
	return fetched, err
}

// maxAnswerOverhead is what an answer about a log has beside record batches, at most.
const maxAnswerOverhead = 64 << 10
