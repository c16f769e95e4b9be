package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"testing/synctest"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

const (
	refusalSchedules = 2000
	lastKafkaCode    = 133
)

// Brokers refuse in every way that Kafka's protocol and a closing connection
// allow, singly and in pairs, for ever or for a while. Afterwards everything is
// settled, and a message that is new then is written. What never ends but concerns
// some requests only must not keep delivery from going on.
func TestModel_refusals(t *testing.T) {
	first, count := uint64(envNumber(t, modelFirst, 1)), envNumber(t, modelCount, min(refusalSchedules, modelSchedules))
	if testing.Short() {
		count = min(count, 200)
	}
	if seed := os.Getenv(modelSeed); seed != "" {
		r := refusalsInBubble(t, uint64(envNumber(t, modelSeed, 0)), startModel) //nolint:gosec // not negative
		t.Logf("schedule %s:\n%s\n%s", seed, strings.Join(r.trace, "\n"), violations(r))
		assert.Empty(t, r.found)
		return
	}
	chunks := 4 * runtime.GOMAXPROCS(0)
	for c := range chunks {
		t.Run(strconv.Itoa(c), func(t *testing.T) {
			t.Parallel()
			for i := c; i < count && !t.Failed(); i += chunks {
				seed := first + uint64(i)
				report(t, seed, refusalsInBubble(t, seed, startModel))
			}
		})
	}
}

// Engines that do not change anything between attempts, or believe what no broker has
// said, are caught.
func TestModel_refusalControls(t *testing.T) {
	const seeds = 1500
	for name, control := range map[string]struct {
		subject modelSubject
		reason  string
	}{
		"requests never shrink":      {onNetwork(neverBlames), invariantProgress},
		"the id is never renewed":    {onNetwork(sameID), invariantProgress},
		"the same broker for ever":   {onNetwork(sameBroker), invariantProgress},
		"believes what is not found": {onNetwork(believesMissing), invariantLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				r := refusalsInBubble(t, seed, control.subject)
				for _, v := range r.found {
					if v.invariant == control.reason {
						t.Logf("caught by schedule %d: %s", seed, r.trace[0])
						return
					}
				}
			}
			t.Errorf("not caught by %d schedules", seeds)
		})
	}
}

func refusalsInBubble(t *testing.T, seed uint64, subject modelSubject) (r *modelResult) {
	t.Helper()
	synctest.Test(t, func(*testing.T) { r = runRefusals(seed, subject) })
	return r
}

func runRefusals(seed uint64, subject modelSubject) *modelResult {
	const messages, fresh = 40, 20
	rnd := rand.New(rand.NewPCG(seed, 1))
	s := newSimCluster(1+rnd.IntN(3), 1+rnd.IntN(3))
	s.hints, s.blames, s.duplicates = rnd.IntN(2) == 0, rnd.IntN(2) == 0, rnd.IntN(2) == 0
	r := &modelRun{rand: rnd, sim: s, ledger: newLedger(s), mood: modelMood{steady: s.limit, late: 1}}
	r.ledger.refusable = true
	r.ledger.fill(rnd, messages, modelUsers, []int{0, 0, 5}[rnd.IntN(3)])
	early := len(r.ledger.groups)
	r.ledger.fill(rnd, messages+fresh, modelUsers, 0)
	survivable := true
	one := r.someBroker()
	for range 1 + rnd.IntN(2) {
		refusal := someRefusal(r, one)
		s.refusals = append(s.refusals, refusal)
		survivable = survivable && (refusal.survivable || refusal.left > 0)
		r.note("%s, %d times", refusal.name, refusal.left)
	}
	r.producer = subject(modelSetup{network: s, servers: s.servers(), seed: seed, most: []int{300, 1000, 5000}[rnd.IntN(3)]})
	synctest.Wait()

	groups := r.ledger.groups
	r.ledger.groups = groups[:early]
	began := time.Now()
	for trouble := time.Duration(rnd.Int64N(int64(2 * time.Minute))); r.next < early || time.Since(began) < trouble; {
		if rnd.IntN(4) == 0 {
			r.submit()
		} else if !r.network() {
			r.pass(1 + time.Duration(rnd.Int64N(int64(500*time.Millisecond))))
		}
		r.rest()
		if survivable && r.next == early {
			break
		}
	}
	if !survivable {
		r.wellAgain()
	}
	r.settleFor(15 * time.Minute)
	s.mu.Lock()
	s.refusals = slices.DeleteFunc(s.refusals, func(refusal *simRefusal) bool { return refusal.left > 0 })
	s.mu.Unlock()
	r.ledger.groups = groups
	r.settleFor(15 * time.Minute)
	for _, g := range groups[early:] {
		for _, m := range g.messages {
			if !r.failed() && m.result.Outcome != producer.Acknowledged && !m.large {
				r.ledger.add(invariantGaveUp, "a new message is not written: %+v", m.result)
			}
		}
	}
	r.end()
	return &modelResult{trace: r.trace, found: r.ledger.found}
}

// wellAgain ends all refusals.
func (r *modelRun) wellAgain() {
	r.sim.mu.Lock()
	r.sim.refusals = nil
	for _, b := range r.sim.brokers {
		b.stale = false
	}
	r.sim.request = 0
	r.sim.mu.Unlock()
	r.heal()
}

// someRefusal is one way in which brokers refuse. If only one broker does, it is
// this.
func someRefusal(r *modelRun, one *simBroker) *simRefusal {
	produces := func(_ *simBroker, call *simCall) bool { return call.kind == simProduce }
	of := func(kind simKind) func(*simBroker, *simCall) bool {
		return func(_ *simBroker, call *simCall) bool { return call.kind == kind }
	}
	code := sarama.KError(r.rand.IntN(lastKafkaCode+2) - 1)                     //nolint:gosec // few
	if code == sarama.ErrNoError || code == sarama.ErrDuplicateSequenceNumber { // these would be lies
		code = sarama.ErrUnknown
	}
	times := -1
	if r.rand.IntN(2) == 0 {
		times = 1 + r.rand.IntN(6)
	}
	lost := []sarama.KError{
		sarama.ErrInvalidProducerIDMapping, sarama.ErrUnknownProducerID, sarama.ErrOutOfOrderSequenceNumber,
		sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced,
	}[r.rand.IntN(5)]
	after := []sarama.KError{
		sarama.ErrRequestTimedOut, sarama.ErrNotEnoughReplicasAfterAppend, sarama.ErrNotLeaderForPartition, sarama.ErrUnknown,
		sarama.ErrKafkaStorageError, sarama.ErrNetworkException,
	}[r.rand.IntN(6)]
	others := len(r.sim.brokers) > 1
	ways := []*simRefusal{
		{name: fmt.Sprintf("produce is refused with %d", code), applies: produces, code: code},
		{name: fmt.Sprintf("produce is refused with %d", code), applies: produces, code: code}, // there are many codes
		{name: fmt.Sprintf("what is written is answered with %d", after), applies: produces, code: after, writes: true},
		{name: "answers leave partitions out", applies: produces, omits: true},
		{name: "produce closes the connection", applies: func(_ *simBroker, call *simCall) bool {
			return call.kind == simProduce || call.kind == simVerify
		}, closes: true},
		{name: "answers to what is written are lost", applies: produces, loses: true},
		{name: "produce is not answered", applies: produces, ignores: true},
		{name: "large requests close the connection", applies: tooLarge(largestOrdinary + r.rand.IntN(3*largestOrdinary)), closes: true, survivable: true},
		{name: fmt.Sprintf("producer ids of before are refused with %d", lost), applies: givenBefore(2 + r.rand.Int64N(4)), code: lost, survivable: true},
		{name: fmt.Sprintf("producer ids are refused with %d", code), applies: of(simProducerID), code: code},
		{name: "producer ids are -1", applies: of(simProducerID), changes: func(call *simCall) { call.id = -1 }},
		{name: "asking for producer ids closes the connection", applies: of(simProducerID), closes: true},
		{name: fmt.Sprintf("looking into the log is refused with %d", code), applies: of(simLook), code: code, survivable: true},
		{name: "looking into the log closes the connection", applies: of(simLook), closes: true, survivable: true},
		{name: "looking into the log is not answered", applies: of(simLook), ignores: true, survivable: true},
		{name: fmt.Sprintf("metadata is refused with %d", code), applies: of(simMetadata), code: code},
		{name: "asking for metadata closes the connection", applies: of(simMetadata), closes: true},
		{name: "metadata is not answered", applies: of(simMetadata), ignores: true},
		{name: "one broker refuses metadata", applies: func(b *simBroker, call *simCall) bool {
			return call.kind == simMetadata && b == one
		}, code: code, survivable: others},
		{name: "one answer with a huge leader epoch", applies: of(simMetadata), changes: func(call *simCall) {
			call.view.epochs = slices.Clone(call.view.epochs)
			for i := range call.view.epochs {
				call.view.epochs[i] = math.MaxInt32
			}
		}, left: 1, survivable: true},
		{name: "one hint with a huge leader epoch", applies: produces, code: sarama.ErrNotLeaderForPartition, hintedEpoch: math.MaxInt32, left: 1, survivable: true},
		{name: "one broker is cut off from the controllers", applies: func(*simBroker, *simCall) bool { return false }, left: -1, survivable: true},
	}
	way := ways[r.rand.IntN(len(ways))]
	if way.left == 0 {
		way.left = times
	}
	if way == ways[len(ways)-1] && others {
		r.cutOff(one)
	}
	return way
}

func tooLarge(most int) func(*simBroker, *simCall) bool {
	return func(_ *simBroker, call *simCall) bool { return call.kind == simProduce && call.size() > most }
}

func givenBefore(ids int64) func(*simBroker, *simCall) bool {
	return func(_ *simBroker, call *simCall) bool {
		return call.kind == simProduce && slices.ContainsFunc(call.parts, func(p simPart) bool { return p.batch.producer < 1000+ids })
	}
}

// cutOff makes others lead what b has led, which b does not learn.
func (r *modelRun) cutOff(b *simBroker) {
	b.stale = true
	for _, p := range r.sim.partitions {
		if p.leader == b.id {
			r.sim.lead(p, b.id%int32(len(r.sim.brokers))+1, 0) //nolint:gosec // few
		}
	}
	r.sim.spread()
}

// neverBlames hides that it was the broker who closed a connection.
func neverBlames() *brokenNetwork { return &brokenNetwork{hidesClosing: true} }

// sameID gives the same producer id again and again.
func sameID() *brokenNetwork { return &brokenNetwork{oneID: true} }

// sameBroker asks the broker for metadata that was asked first.
func sameBroker() *brokenNetwork { return &brokenNetwork{oneBroker: true} }
