package spoolstore

import (
	"log/slog"
	"maps"
	"slices"
	"time"
)

// flushAfter is how long a record waits for others if nothing else is written.
const flushAfter = 100 * time.Millisecond

// Intend records intents and returns when they are durable, and everything
// that was recorded before with them. Nothing of them may be sent before. The
// error is ErrClosed: a failing disk is tried again until Close.
func (s *Store) Intend(list []Intent) error {
	upTo, err := s.RecordIntents(list)
	if err != nil {
		return err
	}
	return s.AwaitRecords(upTo)
}

// RecordIntents is the part of Intend that does not block. It returns what
// [Store.AwaitRecords] is to wait for.
func (s *Store) RecordIntents(list []Intent) (upTo uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return 0, ErrClosed
	}
	for i := range list {
		s.recordLocked(appendIntentRecord(s.records, &list[i]))
		s.ledger.intents[list[i].Partition] = &lastIntent{intent: list[i]}
	}
	return s.appended, nil
}

// AwaitRecords is the rest of Intend.
func (s *Store) AwaitRecords(upTo uint64) error {
	if !s.flushed(upTo) {
		return ErrClosed
	}
	return nil
}

// recordLocked takes the records with one more behind them.
func (s *Store) recordLocked(records []byte) {
	s.records = records
	s.appended++
	wake(s.wakeKeeper)
}

// flushed returns when the control file has the records up to upTo. It reports
// false if the store closes first. It writes them itself unless another goroutine is writing:
// to wake the keeper, and to be woken by it, takes as long as some syncs.
func (s *Store) flushed(upTo uint64) bool {
	for {
		s.mu.Lock()
		if s.synced >= upTo || s.dead {
			ok := s.synced >= upTo
			s.mu.Unlock()
			return ok
		}
		s.awaited = max(s.awaited, upTo)
		changed, failing := s.changedLocked(), s.failing
		s.mu.Unlock()
		if !failing && s.tryFlush() {
			continue
		}
		wake(s.wakeKeeper)
		wake(s.wakeKeeperNow)
		<-changed
	}
}

// tryFlush flushes, whatever comes of it, unless another goroutine does. It reports false then.
func (s *Store) tryFlush() bool {
	select {
	case s.flushTurn <- struct{}{}:
		_ = s.flush() // the keeper tries again
		<-s.flushTurn
		return true
	default:
		return false
	}
}

// Done records that messages need not be sent any more. It does not wait: the
// record is durable after 100 ms, or with the next intent. It also ends the
// partition's intent, if p is not nil.
func (s *Store) Done(list []Range, p *Partition, e End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doneLocked(list)
	s.endLocked(p, e)
}

func (s *Store) doneLocked(list []Range) {
	if len(list) == 0 {
		return
	}
	s.recordLocked(appendDone(s.records, list))
	for _, r := range list {
		s.countLocked(r)
	}
	s.ledger.release(list)
	s.noticeEmptyLocked()
}

func (s *Store) endLocked(p *Partition, e End) {
	if p == nil {
		return
	}
	if s.ledger.end(*p, e) {
		s.recordLocked(appendEndRecord(s.records, *p, e))
	}
}

// countLocked makes the messages of r done, in the segments that have them.
func (s *Store) countLocked(r Range) {
	for _, seg := range s.segments {
		span := seg.span()
		part := Range{max(r.First, span.First), min(r.Next, span.Next)}
		if part.First < part.Next {
			seg.pending -= s.ledger.done.add(part)
			seg.marked = s.appended
			if seg.sealed { // it may be drained, or go with its neighbours
				wake(s.wakeMaintainer)
			}
		}
	}
	s.ledger.done.add(r)
}

// Refuse records that messages will not be sent again. They stay on the disk
// until they are done.
func (s *Store) Refuse(list []Range, f Refusal, p *Partition, e End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recordLocked(appendRefused(s.records, list, f))
	s.ledger.refuse(list, f)
	s.endLocked(p, e)
	s.noticeEmptyLocked()
}

// End records how the last intent of a partition ended, if none of its messages
// is done.
func (s *Store) End(p Partition, e End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(&p, e)
}

// SetTopic records which topic of which cluster the messages of a name are for,
// and returns when that is durable.
func (s *Store) SetTopic(t Topic) error {
	s.mu.Lock()
	s.recordLocked(appendTopic(s.records, t))
	s.ledger.topics[t.Name] = t
	upTo := s.appended
	s.mu.Unlock()
	if !s.flushed(upTo) {
		return ErrClosed
	}
	return nil
}

// Topic returns what SetTopic has recorded.
func (s *Store) Topic(name string) (Topic, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.ledger.topics[name]
	return t, ok
}

// Topics lists the names of the topics that SetTopic has recorded.
func (s *Store) Topics() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.ledger.topics))
}

// DropTopic takes back what SetTopic has recorded, and the intents for the
// topic. It is durable with the next record that is waited for.
func (s *Store) DropTopic(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recordLocked(appendDropped(s.records, name))
	s.ledger.dropTopic(name)
}

// OpenIntents lists the last intent of each partition that has no end: its record
// batch may have been written.
func (s *Store) OpenIntents() []Intent {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Intent
	for _, last := range s.ledger.intents {
		if last.end.Outcome == Pending {
			list = append(list, last.intent)
		}
	}
	return list
}

// Intents lists the last intent of each partition of a topic, whether it has
// ended or not.
func (s *Store) Intents(topic string) []Intent {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Intent
	for _, p := range slices.SortedFunc(maps.Keys(s.ledger.intents), comparePartitions) {
		if p.Topic == topic {
			list = append(list, s.ledger.intents[p].intent)
		}
	}
	return list
}

// LastTimestamp returns the newest timestamp of p's last intent; 0 if there is
// none.
func (s *Store) LastTimestamp(p Partition) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.ledger.intents[p]; last != nil && len(last.intent.Timestamps) > 0 {
		return slices.Max(last.intent.Timestamps)
	}
	return 0
}

// Doubtful reports whether a message of r may be in Kafka although it is neither
// done nor in an intent without an end.
func (s *Store) Doubtful(r Range) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.doubtful.count(r) > 0
}

// Pending returns the messages of r that are neither done nor refused.
func (s *Store) Pending(r Range) []Range {
	s.mu.Lock()
	defer s.mu.Unlock()
	var runs []Range
	for n := r.First; n < r.Next; n++ {
		if _, refused := s.ledger.refused[n]; refused || s.ledger.done.has(n) {
			continue
		}
		if last := len(runs) - 1; last >= 0 && runs[last].Next == n {
			runs[last].Next++
		} else {
			runs = append(runs, Range{n, n + 1})
		}
	}
	return runs
}

// keep writes records to the control file until the store closes and none is
// left.
func (s *Store) keep() {
	failures := 0
	for {
		s.mu.Lock()
		pending, urgent := s.appended > s.synced, s.awaited > s.taken
		s.mu.Unlock()
		switch {
		case !pending:
			select {
			case <-s.wakeKeeper:
				continue
			case <-s.stopKeeper:
				return
			}
		case !urgent:
			select {
			case <-time.After(flushAfter):
			case <-s.wakeKeeperNow:
				continue // it may be of a caller who was served meanwhile
			case <-s.stopKeeper:
			}
		}
		s.flushTurn <- struct{}{}
		err := s.flush()
		<-s.flushTurn
		if err == nil {
			failures = 0
			continue
		}
		select {
		case <-time.After(afterFailure(failures)):
			failures++
		case <-s.stopKeeper:
			return
		}
	}
}

// flush makes all records durable that there are now: as a block in the active
// half of the control file, or as a new ledger in the other one. The caller has
// flushTurn.
func (s *Store) flush() error {
	s.mu.Lock()
	upTo := s.appended
	if s.synced == upTo { // by another one meanwhile; an empty block would end the file
		s.mu.Unlock()
		return nil
	}
	records := s.records
	s.records = s.flushing[:0]
	s.taken = upTo
	var whole []byte
	if !s.control.room(len(records)) {
		s.ledger.next = s.committed
		whole = s.ledger.encode()
	}
	s.mu.Unlock()

	var err error
	if whole == nil {
		if err = s.control.write(records); err != nil {
			s.mu.Lock()
			s.ledger.next = s.committed
			whole = s.ledger.encode()
			upTo = s.appended // the ledger has those that came meanwhile, too
			s.taken = upTo
			s.mu.Unlock()
		}
	}
	if whole != nil {
		err = s.control.begin(whole)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushing, s.failing = records, err != nil
	if err != nil {
		s.taken = s.synced
		s.log.Error("spool: cannot write the control file", slog.String("error", err.Error()))
	} else {
		s.synced = max(s.synced, upTo)
		s.notifyLocked()
		wake(s.wakeMaintainer) // some segments may be free now
	}
	return err
}
