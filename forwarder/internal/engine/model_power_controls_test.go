package engine

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// A spool that is broken, or used wrongly, must be found, and for its own reason.
func TestModel_powerControls(t *testing.T) {
	if raceEnabled {
		t.Skip("the schedules are those that run without the race detector")
	}
	const seeds = 500 // most are caught by one of the first
	// What is written twice comes behind what is newer, or in the other partition.
	twice := []string{invariantOrder, invariantStamp, invariantPartition}
	always := func(d powerDefect) func() powerDefect { return func() powerDefect { return d } }
	for _, control := range []struct {
		name   string
		broken func() powerDefect
		reason string
		also   []string
		text   string // what must be said of the reason; empty: anything
	}{
		{"the disk does not sync what is stored", always(powerDefect{lie: syncOf("segment")}), invariantLost, append(twice, invariantNotSent, invariantDuplicate), ""},
		{"sent before it is synced", always(powerDefect{lie: syncOf("segment"), unsynced: true}), invariantNotSent, append(twice, invariantLost, invariantDuplicate), ""},
		{"the disk does not sync intents", always(powerDefect{lie: syncOf("control")}), invariantDuplicate, append(twice, invariantLost, invariantNotSent), ""},
		{"an intent is written after its request", always(powerDefect{journal: intendsBy(intendsLate)}), invariantDuplicate, append(twice, invariantGaveUp, invariantSettled), ""},
		{"an intent is not waited for", always(powerDefect{journal: intendsBy(intendsUnsynced)}), invariantDuplicate, append(twice, invariantGaveUp, invariantSettled), ""},
		{"an end is written before the answer", always(powerDefect{journal: intendsBy(endsEarly)}), invariantLost, append(twice, invariantDuplicate), ""},
		{"dated long before it is sent", always(powerDefect{clock: hoursAgo}), invariantDuplicate, append(twice, invariantGaveUp), ""},
		{"a mark is lost", always(powerDefect{journal: forgetsMarks}), invariantDuplicate, twice, ""},
		{"a fresh id before the doubt is settled", always(powerDefect{recover: forgetsRecovered}), invariantDuplicate, twice, ""},
		{"placed anew after a crash", always(powerDefect{submit: placesAnew, fault: faultGrow}), invariantPartition, append(twice, invariantDuplicate), ""},
		{"recycled before its mark is synced", recyclesEarly, invariantLost, append(twice, invariantDuplicate, invariantProgress), ""},
		{"memory that the spool has kept is used again", always(powerDefect{reuses: true}), invariantContent, []string{invariantLost}, "#"},
		{"memory is used again before the messages have ended", always(powerDefect{submit: usesAgain}), invariantContent, []string{invariantLost}, "#"},
	} {
		t.Run(control.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				r, _ := powerInBubble(t, seed, control.broken())
				caught := false
				for _, v := range r.found {
					caught = caught || v.invariant == control.reason && strings.Contains(v.text, control.text)
					assert.Contains(t, append(control.also, control.reason), v.invariant, "schedule %d: %s", seed, v.text)
				}
				if t.Failed() {
					return
				}
				if caught {
					t.Logf("caught by schedule %d: %s", seed, r.found[0].text)
					return
				}
			}
			t.Errorf("not caught by %d schedules", seeds)
		})
	}
}

// syncOf returns whether an operation is the sync of a file whose name begins so.
func syncOf(prefix string) func(disktest.Op) bool {
	return func(op disktest.Op) bool { return op.Kind == disktest.Sync && strings.HasPrefix(op.Name, prefix) }
}

func intendsBy(intend func(producer.Journal, []producer.Intent) error) func(producer.Journal) producer.Journal {
	return func(j producer.Journal) producer.Journal { return &brokenJournal{j, intend} }
}

// hoursAgo is the clock of who dates messages when they are accepted, hours before a
// partition has a leader: brokers forget producers by the timestamps of their records.
func hoursAgo() time.Time { return time.Now().Add(-3 * time.Hour) }

// forgetsMarks does not record what was written.
func forgetsMarks(j producer.Journal) producer.Journal { return markless{j} }

type markless struct{ producer.Journal }

// End implements producer.Journal.
func (j markless) End(e producer.IntentEnd) {
	if e.Outcome == producer.Written {
		e.Done = nil
	}
	j.Journal.End(e)
}

// forgetsRecovered sends what may have been written as if it had never been sent.
func forgetsRecovered(byTopic map[string][]producer.Recovered) { clear(byTopic) }

// placesAnew lets each process choose the partition, whatever a former one has chosen.
func placesAnew(g *producer.Group) { g.Fixed = 0 }

// usesAgain recycles the memory of messages when the producer gets them.
func usesAgain(g *producer.Group) {
	for i := range g.Messages {
		writeOver(&g.Messages[i].Value)
	}
}

// recyclesEarly believes that what is done is durable without a sync. Intents are synced,
// and what a start writes.
func recyclesEarly() powerDefect {
	var opened atomic.Bool
	var intending atomic.Int64
	return powerDefect{
		start: func() { opened.Store(false) },
		lie:   func(op disktest.Op) bool { return syncOf("control")(op) && opened.Load() && intending.Load() == 0 },
		journal: func(j producer.Journal) producer.Journal {
			opened.Store(true)
			return &brokenJournal{j, func(j producer.Journal, list []producer.Intent) error {
				intending.Add(1)
				defer intending.Add(-1)
				return j.Intend(list)
			}}
		},
	}
}
