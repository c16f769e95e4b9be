package engine

import (
	"testing"

	"github.com/IBM/sarama"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/deliver"
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
		{"not idempotent", changes(notIdempotent), invariant2, []string{invariantStamp}},
		{"a new producer id for each connection", changes(freshID), invariant2, []string{invariantStamp}},
		{"resends what is under way", resends, invariant2, []string{invariant3, invariant5}}, // its values may be others by then
		{"drops a key", changes(dropsKey), invariant4, nil},
		{"changes a byte", changes(changesByte), invariant5, nil},
		{"swallows a request", onNetwork(swallows), invariant1, nil},
		{"swaps two of a user", changes(swaps), invariant3, nil},
		{"sends what was withdrawn", sendsNotSent, invariant6, []string{invariant3}},
		{"takes what was lost for refused", onNetwork(forges), invariant6, []string{invariantGaveUp}},
		{"a wrong partition", wrongPartition, invariant4, nil},
		{"settles twice", settlesTwice, invariant7, nil},
		{"never settles", forgetsOne, invariant8, nil},
		{"several batches in flight", naively(5), invariant3, []string{invariant2, invariantStamp}},
		{"more than brokers remember in flight", naively(8), invariant2, []string{invariant3, invariantStamp}},
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
		"the caller":    func(s modelSetup) deliver.Producer { return &brokenProducer{Producer: startModel(s)} },
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
