package engine

import (
	"testing"

	"github.com/IBM/sarama"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// What is broken must be found, and for its own reason: a model that finds
// nothing would say nothing.
func TestModel_controls(t *testing.T) {
	const seeds = 300
	for _, control := range []struct {
		name    string
		subject modelSubject
		reason  string
		also    []string
	}{
		{"not idempotent", changes(withoutIdempotence), invariantDuplicate, []string{invariantStamp}},
		{"a new producer id for each connection", changes(freshID), invariantDuplicate, []string{invariantStamp}},
		{"resends what is under way", resends, invariantDuplicate, []string{invariantOrder, invariantContent}}, // its values may be others by then
		{"drops a key", changes(dropsKey), invariantPartition, nil},
		{"changes a byte", changes(changesByte), invariantContent, nil},
		{"swallows a request", onNetwork(swallows), invariantLost, nil},
		{"swaps two of a user", changes(swaps), invariantOrder, nil},
		{"sends what was withdrawn", sendsNotSent, invariantNotSent, []string{invariantOrder}},
		{"takes what was lost for refused", onNetwork(forges), invariantNotSent, []string{invariantGaveUp, invariantDuplicate}},
		{"believes what only the leader has", onNetwork(believesLeader), invariantLost, nil},
		{"does not believe the log", onNetwork(believesNoLog), invariantGaveUp, nil},
		{"believes the last sequence number", onNetwork(believesNumber), invariantLost, nil},
		{"heeds no limit of what is written", onNetwork(heedsNoLimit), invariantWire, nil},
		{"a wrong partition", wrongPartition, invariantPartition, nil},
		{"settles twice", settlesTwice, invariantSettled, nil},
		{"never settles", forgetsOne, invariantProgress, nil},
		{"several batches in flight", naively(5), invariantOrder, []string{invariantDuplicate, invariantStamp}},
		{"more than brokers remember in flight", naively(8), invariantDuplicate, []string{invariantOrder, invariantStamp}},
	} {
		t.Run(control.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				r := inBubble(t, seed, control.subject)
				caught := false
				for _, v := range r.found {
					caught = caught || v.invariant == control.reason
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

// It is the defect that is found, not what carries it.
func TestModel_soundControls(t *testing.T) {
	for name, subject := range map[string]modelSubject{
		"the network":   changes(func(int64, *sarama.RecordBatch) {}),
		"the caller":    func(s modelSetup) producer.Producer { return &brokenProducer{Producer: startModel(s)} },
		"one in flight": naively(1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(modelSample) {
				report(t, seed, inBubble(t, seed, subject))
			}
		})
	}
}
