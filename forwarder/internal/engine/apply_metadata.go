package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

const (
	// mostOlderRounds is how many rounds in a row may bring no answer that is not
	// older than what is known. Then it is rather what is known that is wrong: one
	// answer with a leader epoch that is too high would be believed for ever.
	mostOlderRounds = 5

	// maxOlderTopic is how long answers may be about a topic that was deleted, or
	// have too few partitions, when brokers tell the topic's id. It is long, since
	// messages for partitions that no longer exist are given up then, and all that
	// can be reached may be one broker that is cut off from the controllers.
	maxOlderTopic = 5 * time.Minute
)

// checkMetadata reports an error for an answer that is older than what is known:
// a broker that is cut off from the controllers goes on telling who led before.
func (e *Engine) checkMetadata(m topicMetadata) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.olderMetadataLocked(m)
}

// observeMetadataRoundLocked forgets what is known when no broker that can be
// reached confirms it. err is why a round of questions brought no answer: each
// broker was asked, and some answered with what is older.
//
// Brokers of before Kafka 2.8 do not tell the topic's id: it may have been
// recreated.
func (e *Engine) observeMetadataRoundLocked(err error, now time.Time) {
	switch {
	case err == nil:
		e.olderRounds = 0
	case errors.Is(err, errOlderMetadata):
		if e.olderRounds++; e.olderRounds == 1 {
			e.olderSince = now
		}
		if e.olderRounds < mostOlderRounds {
			return
		}
		e.forgetEpochsLocked()
		if e.topicID == ([16]byte{}) || now.Sub(e.olderSince) >= maxOlderTopic {
			e.forgetTopicLocked()
			e.formerTopicIDs = nil
		}
	}
}

// olderMetadataLocked returns why m is older than what is known; nil: it is not.
func (e *Engine) olderMetadataLocked(m topicMetadata) error {
	if slices.Contains(e.formerTopicIDs, m.topicID) {
		return fmt.Errorf("the answer is about a topic that was deleted: %w", errOlderMetadata)
	}
	if e.topicID != m.topicID || e.topicReplaced { // recreated, or one of two brokers does not tell
		return nil
	}
	count := int(e.partitionCount.Load())
	if len(m.leaders) < count {
		return fmt.Errorf("the answer has %d partitions of %d: %w", len(m.leaders), count, errOlderMetadata)
	}
	for i, epoch := range m.epochs[:min(count, len(m.epochs))] {
		if known := e.partitions[i].leaderEpoch; epoch != noEpoch && epoch < known {
			return fmt.Errorf("the answer has leader epoch %d of partition %d, which has been in %d: %w", epoch, i, known, errOlderMetadata)
		}
	}
	return nil
}

var errOlderMetadata = errors.New("metadata older than what other brokers have told")

// forgetTopicLocked makes the next answer count whatever it says.
func (e *Engine) forgetTopicLocked() {
	e.olderRounds, e.topicReplaced = 0, true
	e.forgetEpochsLocked()
}

// forgetEpochsLocked makes the leaders of the next answer count.
func (e *Engine) forgetEpochsLocked() {
	for _, p := range e.partitions {
		p.leaderEpoch = noEpoch
	}
}

// applyMetadataLocked applies a broker's answer. It reports whether every
// partition has a leader.
func (e *Engine) applyMetadataLocked(m topicMetadata, done *settlements, now time.Time) bool {
	e.brokers = m.brokers
	e.setPartitionCountLocked(m, done, now)
	e.placeRecoveredLocked(done, now)
	complete := true
	for i, p := range e.partitions {
		id := noLeader
		if i < len(m.leaders) {
			id = m.leaders[i]
		}
		if i < len(m.epochs) {
			p.leaderEpoch = max(p.leaderEpoch, m.epochs[i])
		}
		if now.Sub(p.limitLearnedAt) >= producer.MetadataMaxAge {
			p.maxRecordBatchBytes = 0 // the topic's may have changed
		}
		e.doubtExpiredLocked(p, done, now)
		if p.id >= e.partitionCount.Load() { // the topic was recreated with fewer
			e.moveLocked(p, nil, now)
			continue
		}
		if _, known := m.brokers[id]; !known {
			complete = false
			e.moveLocked(p, nil, now)
			continue
		}
		e.moveLocked(p, e.workerLocked(id), now)
	}
	return complete
}

// setPartitionCountLocked adds partitions. A topic never loses any, so a broker
// that names fewer lags behind, unless the topic was recreated: then messages that
// wait for partitions that no longer exist are settled.
func (e *Engine) setPartitionCountLocked(m topicMetadata, done *settlements, now time.Time) {
	count := int32(len(m.leaders)) //nolint:gosec // a number of partitions
	e.growLocked(count)
	var notTold [16]byte
	recreated := e.topicID != notTold && m.topicID != notTold && m.topicID != e.topicID
	if recreated {
		e.leaveNumbersLocked(done, now)
		e.formerTopicIDs = append(e.formerTopicIDs, e.topicID)
		e.forgetTopicLocked()
	}
	if e.topicReplaced {
		e.everReplaced.Store(true)
	}
	if count > e.partitionCount.Load() || e.topicReplaced {
		e.partitionCount.Store(count)
	}
	e.topicReplaced = false
	if m.topicID != notTold {
		e.topicID = m.topicID
	}
	for _, p := range e.partitions[e.partitionCount.Load():] {
		switch {
		case p.inFlight:
		case e.intents != nil:
			e.leaveVanishedLocked(p, done, now)
		default:
			cause := fmt.Errorf("partition %d no longer exists, the topic was recreated: %w", p.id, sarama.ErrInvalidPartition)
			e.settlePartitionLocked(p, cause, done)
		}
	}
}

// growLocked makes so many partitions, at least. Those that the metadata does not
// name have no leader.
func (e *Engine) growLocked(count int32) {
	for i := len(e.partitions); i < int(count); i++ {
		p := newTopicPartition(int32(i), e.limits.firstSequence, e.random.stream(e.partitionStream+uint64(i))) //nolint:gosec // a number of partitions
		p.topic = e.number
		p.producer.keepsEpoch = e.intents != nil
		p.lastTimestamp = e.intents.lastTimestampOf(p.id)
		e.partitions = append(e.partitions, p)
	}
}

// placeRecoveredLocked gives what a former process may have written to its
// partitions, once the topic is known: before anything else of them. If the topic
// is another one by now, nothing is written under the old numbers.
func (e *Engine) placeRecoveredLocked(done *settlements, now time.Time) {
	var notTold [16]byte
	for _, r := range e.recovered {
		e.growLocked(r.Intent.Partition + 1)
		p := e.partitions[r.Intent.Partition]
		p.producer, p.sealed = former(&r.Intent), recoveredBatches(e.number, &r)
		p.lastTimestamp, p.waitingSince = max(p.lastTimestamp, r.Intent.Timestamp), now
		if e.topicID != notTold && r.Intent.TopicID != notTold && e.topicID != r.Intent.TopicID {
			e.everReplaced.Store(true)
			e.leaveVanishedLocked(p, done, now)
		}
	}
	e.recovered = nil
}

var errTopicReplaced = errors.New("the topic was deleted and created again while it was not known whether a message was written")

// leaveNumbersLocked gives up the producer ids with which was written to a topic
// that was recreated, if there is a journal.
func (e *Engine) leaveNumbersLocked(done *settlements, now time.Time) {
	if e.intents == nil {
		return
	}
	for _, p := range e.partitions {
		if p.topicReplaced = p.inFlight; !p.inFlight {
			e.leaveNumbersOfLocked(p, done)
			e.scheduleLocked(p, now)
		}
	}
}

// doubtExpiredLocked gives up what may have been written so long ago that brokers
// may have forgotten its numbers, if it is to be refused then. Otherwise it goes out
// under them all the same, since a broker may know them; with a new timestamp, from
// which brokers count.
func (e *Engine) doubtExpiredLocked(p *topicPartition, done *settlements, now time.Time) {
	if e.intents == nil || p.inFlight || !e.intents.expired(p.sealed, e.datedLocked(now)) {
		return
	}
	if e.intents.refuseDoubtful {
		p.unscheduleLocked()
		e.abandonUncertainLocked(p, nil, errNumbersExpired, done)
		e.scheduleLocked(p, now)
		return
	}
	for _, b := range uncertain(p.sealed) {
		b.intended = false
		b.setTimestamp(nextTimestamp(p.lastTimestamp, e.datedLocked(now)))
	}
}

var errNumbersExpired = errors.New("it was sent so long ago that brokers may have forgotten its numbers (producer.id.expiration.ms)")

// leaveNumbersOfLocked does it for one partition, of which nothing is in flight. What an
// answer has scheduled for another leader must wait for the next producer id.
func (e *Engine) leaveNumbersOfLocked(p *topicPartition, done *settlements) {
	p.unscheduleLocked()
	p.topicReplaced = false
	switch {
	case len(uncertain(p.sealed)) > 0:
		e.abandonUncertainLocked(p, nil, errTopicReplaced, done)
	case p.producer.id != noProducerID:
		p.producer.restart(errTopicReplaced)
	}
}

// leaveVanishedLocked does something about messages for a partition that the answer
// does not name. If the topic was not recreated, the broker lags behind, but not for ever.
func (e *Engine) leaveVanishedLocked(p *topicPartition, done *settlements, now time.Time) {
	if p.undecided() && now.Sub(p.waitingSince) >= maxOlderTopic {
		e.everReplaced.Store(true)
	}
	if !e.everReplaced.Load() {
		return
	}
	e.leaveNumbersOfLocked(p, done)
	e.leaveLocked(p)
}

// leaveLocked makes all messages of p, of which none may have been written,
// wait for a partition again.
func (e *Engine) leaveLocked(p *topicPartition) {
	p.unscheduleLocked()
	var list []*submission
	for _, b := range p.sealed {
		for _, r := range b.ranges {
			list = append(list, r.submission.piece(r.from, r.to))
		}
	}
	for s := p.waiting.first; s != nil; s = p.waiting.first {
		p.waiting.remove(s)
		list = append(list, s)
	}
	p.sealed, p.waitingBytes = nil, 0
	p.resetIfEmptyLocked()
	if e.unplaced.submissions.empty() && len(list) > 0 {
		e.unplaced.since = p.waitingSince
	}
	for _, s := range slices.Backward(list) { // they are older than what waits
		s.partition, s.fixed = noPartition, 0
		e.unplaced.submissions.pushFront(s)
	}
}

// needsMetadataLocked reports whether messages wait for a better answer than the
// last one.
func (e *Engine) needsMetadataLocked(failure error) bool {
	if !e.unplaced.submissions.empty() && failure != nil {
		return true
	}
	return slices.ContainsFunc(e.partitions, func(p *topicPartition) bool { return p.undecided() && (p.leader == nil || failure != nil) })
}

// noLeaderCauseLocked returns why p has no leader.
func (e *Engine) noLeaderCauseLocked(p *topicPartition) error {
	switch {
	case e.metadata.failure != nil:
		return e.metadata.failure
	case p.id >= e.partitionCount.Load():
		return fmt.Errorf("partition %d: %w", p.id, sarama.ErrUnknownTopicOrPartition)
	default:
		return fmt.Errorf("partition %d: %w", p.id, sarama.ErrLeaderNotAvailable)
	}
}
