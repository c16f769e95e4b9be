package engine

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A simJournal is a journal on a disk that keeps what was synced when its process
// dies, and of the rest what chance wants.
type simJournal struct {
	sim     *simCluster // whose lock is that of the journal, too
	life    int         // which process has it
	records []simJournalRecord
	synced  int // so many of them
	waiting []chan error
	doomed  int                                             // so many times those who wait are failed when they are safe
	lag     func() string                                   // called then, with the lock
	refuses int                                             // so many of the next intents it does not take
	refused map[int32]bool                                  // partitions whose last intent it has refused
	end     func(i *producer.Intent, e *producer.IntentEnd) // called with the lock
}

// A simJournalRecord is one of the two.
type simJournalRecord struct {
	intent *producer.Intent
	end    *producer.IntentEnd
}

func (j *simJournal) unsynced() bool { return j.synced < len(j.records) || len(j.waiting) > 0 }

func (j *simJournal) sync() string {
	n := len(j.records) - j.synced
	j.synced = len(j.records)
	text := fmt.Sprintf("journal: %d more records are safe", n)
	if j.doomed > 0 && len(j.waiting) > 0 {
		j.doomed--
		j.release(errSimDisk)
		return text + ", but it fails" + j.lag()
	}
	j.release(nil)
	return text
}

func (j *simJournal) release(err error) {
	for _, c := range j.waiting {
		c <- err
	}
	j.waiting = nil
}

var errSimCrashed = errors.New("sim: the process has died")

var errSimDisk = errors.New("sim: the disk fails")

// crash ends a process.
func (j *simJournal) crash(r *rand.Rand) string {
	lost := r.IntN(len(j.records) - j.synced + 1)
	j.records = j.records[:len(j.records)-lost]
	j.synced = len(j.records)
	j.life++
	j.refuses, j.doomed = 0, 0
	j.release(errSimCrashed)
	return fmt.Sprintf("the journal has lost %d records", lost)
}

// A simJournalState is what a start finds in a journal.
type simJournalState struct {
	last    map[int32]*producer.Intent // of each partition
	open    map[int32]bool
	done    map[uint64]int32 // partitions, by message
	refused map[uint64]string
	doubted map[uint64]bool
}

func (j *simJournal) state() simJournalState {
	s := simJournalState{map[int32]*producer.Intent{}, map[int32]bool{}, map[uint64]int32{}, map[uint64]string{}, map[uint64]bool{}}
	for _, r := range j.records[:j.synced] {
		if r.intent != nil {
			s.last[r.intent.Partition], s.open[r.intent.Partition] = r.intent, true
			continue
		}
		s.open[r.end.Partition] = false
		if i := s.last[r.end.Partition]; r.end.Outcome == producer.Doubtful {
			for n := range eachNumber(slices.Concat(i.Messages, i.Whole)) {
				s.doubted[n] = true
			}
		}
		for n := range eachNumber(r.end.Done) {
			s.done[n] = r.end.Partition
		}
		for _, f := range r.end.Refused {
			for n := range eachNumber(f.Messages) {
				s.refused[n] = f.Reason
			}
		}
	}
	return s
}

// pending reports whether a message is neither done nor refused.
func (s *simJournalState) pending(n uint64) bool {
	_, done := s.done[n]
	_, refused := s.refused[n]
	return !done && !refused
}

// openIntents are those without an end.
func (s *simJournalState) openIntents() []*producer.Intent {
	var list []*producer.Intent
	for _, p := range slices.Sorted(maps.Keys(s.open)) {
		if s.open[p] {
			list = append(list, s.last[p])
		}
	}
	return list
}

// intended is the partition whose last intent, for this topic, has a message, plus
// one.
func (s *simJournalState) intended(number uint64, topicID [16]byte) int32 {
	for p, i := range s.last {
		if i.TopicID != topicID {
			continue
		}
		for _, list := range [][]producer.NumberRange{i.Messages, i.Whole} {
			for n := range eachNumber(list) {
				if n == number {
					return p + 1
				}
			}
		}
	}
	return 0
}

func eachNumber(list []producer.NumberRange) func(func(uint64) bool) {
	return func(yield func(uint64) bool) {
		for _, r := range list {
			for n := r.First; n < r.Next; n++ {
				if !yield(n) {
					return
				}
			}
		}
	}
}

// A simJournalHandle is the journal as one process has it.
type simJournalHandle struct {
	journal *simJournal
	life    int
}

// Intend implements producer.Journal.
func (h *simJournalHandle) Intend(list []producer.Intent) error {
	j := h.journal
	j.sim.mu.Lock()
	if h.life != j.life {
		j.sim.mu.Unlock()
		return errSimCrashed
	}
	refused := j.refuses > 0
	if refused {
		j.refuses--
	}
	for _, i := range list {
		j.refused[i.Partition] = refused
		if !refused {
			j.records = append(j.records, simJournalRecord{intent: &i})
		}
	}
	if refused {
		j.sim.mu.Unlock()
		return errSimDisk
	}
	done := make(chan error, 1)
	j.waiting = append(j.waiting, done)
	j.sim.mu.Unlock()
	return <-done
}

// End implements producer.Journal.
func (h *simJournalHandle) End(e producer.IntentEnd) {
	j := h.journal
	j.sim.mu.Lock()
	defer j.sim.mu.Unlock()
	if h.life != j.life {
		return
	}
	var last *producer.Intent
	for _, r := range j.records {
		if r.intent != nil && r.intent.Partition == e.Partition {
			last = r.intent
		}
	}
	if last == nil {
		if j.refused[e.Partition] {
			return
		}
		j.sim.broken(invariantIntent, "partition %d: %+v ends no intent", e.Partition, e)
		return
	}
	j.records = append(j.records, simJournalRecord{end: &e})
	j.end(last, &e)
}
