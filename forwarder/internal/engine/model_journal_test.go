package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
)

const journalSchedules = 2000

// With a journal, what was accepted is in Kafka once and in order, or refused,
// wherever a process dies.
func TestModel_journal(t *testing.T) {
	first, count := uint64(envNumber(t, modelFirst, 1)), envNumber(t, modelCount, min(journalSchedules, modelSchedules)) //nolint:gosec // not negative
	if testing.Short() {
		count = min(count, 200)
	}
	if seed := os.Getenv(modelSeed); seed != "" {
		r := journalInBubble(t, uint64(envNumber(t, modelSeed, 0)), startJournal) //nolint:gosec // not negative
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
				report(t, seed, journalInBubble(t, seed, startJournal))
			}
		})
	}
}

func journalInBubble(t *testing.T, seed uint64, subject modelSubject) (r *modelResult) {
	t.Helper()
	defer func() {
		if v := recover(); v != nil {
			t.Fatalf("schedule %d: %v\n%s", seed, v, replay(t, seed))
		}
	}()
	synctest.Test(t, func(*testing.T) { r = runJournal(seed, subject) })
	return r
}

// A journalRun is a run in which the process dies now and then.
type journalRun struct {
	*modelRun

	journal  *simJournal
	subject  modelSubject
	setup    modelSetup
	mortal   *mortalNetwork
	known    int32
	formerly map[int32]int32 // first numbers of what was recovered, by partition
	there    map[int32]bool  // whether that was in the log
	deaf     bool            // what is told does not count any more
	crashes  int             // that are still to come
	former   topicMetadata   // of the topic before it was replaced
	lags     bool            // brokers tell of that when the journal fails
	lagging  bool            // they do so now
}

func runJournal(seed uint64, subject modelSubject) *modelResult {
	const messages = 60
	rnd := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // repeatable
	brokers, partitions := 1+rnd.IntN(3), 1+rnd.IntN(3)
	lags := rnd.IntN(5) == 0
	if lags { // what the journal has failed to make safe goes elsewhere
		partitions = 1
	}
	s := newSimCluster(brokers, partitions)
	s.hints, s.blames, s.duplicates = rnd.IntN(2) == 0, rnd.IntN(2) == 0, rnd.IntN(2) == 0
	s.limit = []int{1 << 20, 4 * largestOrdinary}[rnd.IntN(2)]
	r := &journalRun{
		modelRun: &modelRun{rand: rnd, sim: s, ledger: newLedger(s), mood: modelMood{steady: s.limit, late: 1 + rnd.IntN(20)}},
		journal:  &simJournal{sim: s, refused: map[int32]bool{}},
		subject:  subject,
		crashes:  1 + rnd.IntN(8),
	}
	r.ledger.fill(rnd, messages, modelUsers, []int{0, 0, 5}[rnd.IntN(3)])
	s.journal, r.journal.end, r.journal.lag = r.journal, r.noteEnd, r.lag
	r.setup = modelSetup{
		servers: s.servers(), seed: seed, most: []int{300, 1000, 5000}[rnd.IntN(3)], refuseDoubtful: rnd.IntN(4) == 0,
	}
	if seed%4 == 2 {
		r.setup.onWire = 2*largestOrdinary + int(seed%300)
		s.onWire = r.setup.onWire
		r.faults = append(r.faults, faultCompression, faultCompression)
		for _, p := range s.partitions {
			p.compressed = 1 + int(seed%40)
		}
	}
	if rnd.IntN(4) == 0 {
		r.setup.first = math.MaxInt32 - rnd.Int32N(100)
	}
	for _, f := range append(modelFaults(), faultTimestamp, r.faultReplace, r.faultJournal) {
		if rnd.IntN(2) == 0 {
			r.faults = append(r.faults, f)
		}
	}
	if rnd.IntN(4) == 0 { // what is refused after it may have been written is the hardest of all
		r.faults = append(r.faults, faultLimit, faultLimit, faultCut, faultCut)
	}
	if lags {
		r.lags, r.faults = true, []modelFault{r.faultJournal, faultRefuse, faultCut}
		r.faultReplace(r.modelRun)
		s.spread()
	}
	r.known = int32(len(s.partitions)) //nolint:gosec // few
	r.note("seed %d: %d brokers, %d partitions, %d crashes, %+v", seed, len(s.brokers), len(s.partitions), r.crashes, r.setup)
	r.start()
	r.disturb()
	if !r.failed() {
		r.heal()
		r.settleFor(15 * time.Minute) // brokers that lag behind are believed for minutes
	}
	if !r.failed() {
		r.late()
	}
	r.stop()
	return &modelResult{trace: r.trace, found: r.ledger.found}
}

// disturb goes on until all is submitted and no crash is left.
func (r *journalRun) disturb() {
	for step := 0; step < mostSteps && !r.failed() && (r.next < len(r.ledger.groups) || r.crashes > 0); step++ {
		switch n := r.rand.IntN(100); {
		case n < 10 && r.next < len(r.ledger.groups):
			r.submit()
		case n < 12 && r.crashes > 0:
			r.crash()
		case n < 16:
			r.fault()
		case n < 18 && !r.lagging:
			r.news()
		case n < 25 || !r.network():
			r.sleep()
		}
		r.rest()
	}
}

// start makes a producer that goes on from what the journal says.
func (r *journalRun) start() {
	r.sim.mu.Lock()
	if r.lags {
		r.catchUp()
		r.journal.doomed = r.rand.IntN(4)
	}
	state := r.journal.state()
	setup := r.setup
	setup.journal = &simJournalHandle{r.journal, r.journal.life}
	r.formerly, r.there = map[int32]int32{}, map[int32]bool{}
	taken := map[uint64]bool{}
	for _, i := range state.openIntents() {
		setup.recovered = append(setup.recovered, r.recovered(i, &state, taken))
	}
	for _, g := range r.ledger.groups[:r.next] {
		for _, m := range g.messages {
			r.ledger.reborn(m, &state)
		}
		setup.pending = append(setup.pending, r.pending(g, &state, taken)...)
	}
	r.mortal = &mortalNetwork{brokerNetwork: r.sim, sim: r.sim}
	setup.network = r.mortal
	r.deaf = false
	setBack := time.Duration((r.setup.seed+uint64(r.journal.life))%3) * 20 * time.Second //nolint:gosec // few
	setup.clock = func() time.Time { return time.Now().Add(-setBack) }
	setup.lastTimestamp = func(_ string, partition int32) int64 {
		if i := state.last[partition]; i != nil {
			return i.Timestamp
		}
		return 0
	}
	r.sim.mu.Unlock()
	r.note("the clock is %s behind", setBack)
	r.note("start: recovered %d, pending %d", len(setup.recovered), len(setup.pending))
	r.producer = numbersGroups{r.subject(setup), r}
	r.modelRun.rest()
}

// startJournal is startModel with what is pending.
func startJournal(s modelSetup) producer.Producer {
	p := startModel(s)
	for _, g := range s.pending {
		p.Submit(g)
	}
	return p
}

// numbersGroups is a producer that gets each group with its numbers.
type numbersGroups struct {
	producer.Producer

	run *journalRun
}

// Submit implements producer.Producer.
func (p numbersGroups) Submit(g *producer.Group) {
	m := g.Owner.(*modelGroup) //nolint:errcheck,forcetypeassert // see ledger.fill
	p.run.sim.mu.Lock()
	numbered := p.run.group(m.messages)
	if key := m.messages[0].Key; key != nil { // as many partitions as are known when it is accepted
		p.run.known = max(p.run.known, p.Producer.(*Engine).Partitions()) //nolint:errcheck,forcetypeassert // see start
		if p.run.sim.topic > 0 {                                          // there may be fewer than before
			p.run.known = max(1, p.Producer.(*Engine).Partitions()) //nolint:errcheck,forcetypeassert // see start
		}
		m.fixed = partition.Murmur2(key, p.run.known) + 1
		numbered.Fixed = m.fixed
	}
	p.run.sim.mu.Unlock()
	p.Producer.Submit(numbered)
}

// group makes a group of messages that follow each other, for this life.
func (r *journalRun) group(list []*modelMessage) *producer.Group {
	s := &lifeSettler{run: r, life: r.journal.life, messages: list}
	g := &producer.Group{Owner: s, First: journalNumber(list[0])}
	for _, m := range list {
		lent := m.Message
		lent.Value = bytes.Clone(m.Value)
		g.Messages = append(g.Messages, lent)
	}
	s.lent = g.Messages
	return g
}

// journalNumber is the number of m in the journal.
func journalNumber(m *modelMessage) uint64 { return uint64(m.id) + 1 } //nolint:gosec // not negative

func (l *ledger) numbered(n uint64) *modelMessage { return l.messages[n-1] }

// A lifeSettler settles messages while the process lives.
type lifeSettler struct {
	run      *journalRun
	life     int
	messages []*modelMessage
	lent     []producer.Message
	written  int
}

// Settle implements producer.Settler.
func (s *lifeSettler) Settle(i int, result producer.Result) {
	r := s.run
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	if result.Outcome == producer.Acknowledged {
		s.written++
	}
	if s.written == len(s.lent) { // its owner takes the memory back
		for _, lent := range s.lent {
			copy(lent.Value, bytes.Repeat([]byte("#"), len(lent.Value)))
		}
	}
	if s.life == r.journal.life && !r.deaf {
		r.ledger.settle(s.messages[i], result)
	}
}

// recovered is what a start makes of an intent without an end.
func (r *journalRun) recovered(i *producer.Intent, state *simJournalState, taken map[uint64]bool) producer.Recovered {
	one := producer.Recovered{Intent: *i}
	r.formerly[i.Partition] = i.FirstSequence
	r.there[i.Partition] = int(i.Partition) < len(r.sim.partitions) && slices.ContainsFunc(r.sim.partitions[i.Partition].log.written, func(w simWritten) bool {
		return w.producer == i.ProducerID && w.epoch == i.ProducerEpoch && w.first == i.FirstSequence
	})
	add := func(n uint64) *producer.Group {
		taken[n] = true
		g := r.group([]*modelMessage{r.ledger.numbered(n)})
		g.Fixed, g.Doubtful = i.Partition+1, state.doubted[n]
		return g
	}
	for n := range eachNumber(i.Messages) {
		one.Groups = append(one.Groups, add(n))
	}
	for n := range eachNumber(i.Whole) {
		if !taken[n] && state.pending(n) {
			one.Rest = append(one.Rest, add(n))
		}
	}
	if len(one.Rest) > 0 {
		r.note("    recovered part: %v of %v", i.Messages, i.Whole)
	}
	return one
}

// pending are the messages of g that are to be submitted again, the neighbours
// together.
func (r *journalRun) pending(g *modelGroup, state *simJournalState, taken map[uint64]bool) []*producer.Group {
	fixed := g.fixed
	if int(fixed) > len(r.sim.partitions) { // the topic was replaced
		fixed = partition.Murmur2(g.messages[0].Key, int32(len(r.sim.partitions))) + 1 //nolint:gosec // few
	}
	var list []*producer.Group
	var run []*modelMessage
	end := func() {
		if len(run) > 0 {
			list = append(list, r.group(run))
		}
		run = nil
	}
	for _, m := range g.messages {
		n := journalNumber(m)
		if p, done := state.done[n]; done && fixed == 0 && r.sim.topic == 0 {
			fixed = p + 1
		} else if fixed == 0 {
			fixed = state.intended(n, [16]byte{1 + r.sim.topic})
		}
		if taken[n] || !state.pending(n) {
			end()
			continue
		}
		run = append(run, m)
	}
	end()
	for _, one := range list {
		one.Fixed = fixed
		for n := one.First; n < one.First+uint64(len(one.Messages)); n++ {
			one.Doubtful = one.Doubtful || state.doubted[n]
		}
	}
	return list
}

// reborn makes of a message what the journal says of it.
func (l *ledger) reborn(m *modelMessage, state *simJournalState) {
	n := journalNumber(m)
	m.settled, m.result, m.shown = 0, producer.Result{}, false
	if p, done := state.done[n]; done {
		m.settled, m.result = 1, producer.Result{Outcome: producer.Acknowledged, Partition: p, Offset: -1}
	}
	if reason, refused := state.refused[n]; refused {
		m.settled, m.result = 1, producer.Result{Outcome: producer.NotSent, Partition: -1, Offset: -1, Err: errors.New(reason)}
		if strings.HasPrefix(reason, "it may be in Kafka") {
			m.result.Outcome = producer.Unknown
		}
	}
}

// noteEnd looks at what a journal is told.
func (r *journalRun) noteEnd(i *producer.Intent, e *producer.IntentEnd) {
	l := r.ledger
	if e.Outcome == producer.Written && !slices.Equal(e.Done, i.Messages) && !beginsWhole(e.Done, i) {
		l.add(invariantIntent, "partition %d: messages %v of the intent for %v are said to be written", e.Partition, e.Done, i.Messages)
	}
	if e.Outcome == producer.Written && !slices.Equal(e.Done, i.Messages) {
		r.heard = append(r.heard, fmt.Sprintf("    in partition %d: written whole", i.Partition))
	}
	if e.Outcome != producer.Written && e.Offset != -1 {
		l.add(invariantIntent, "partition %d: offset %d of what is not said to be written", e.Partition, e.Offset)
	}
	if before, ok := r.formerly[i.Partition]; ok && e.Outcome == producer.Written && before == i.FirstSequence {
		written := map[bool]string{true: "before", false: "now"}[r.there[i.Partition]]
		r.heard = append(r.heard, fmt.Sprintf("    recovered in partition %d: written %s", i.Partition, written))
	}
	delete(r.formerly, i.Partition)
	if e.Outcome != producer.Doubtful {
		return
	}
	r.heard = append(r.heard, fmt.Sprintf("    in doubt: %v of %v", i.Messages, i.Whole))
	for n := range eachNumber(slices.Concat(i.Messages, i.Whole)) {
		m := l.numbered(n)
		if m.shown && !r.deaf {
			l.add(invariantGaveUp, "partition %d: message %d is in doubt, but was seen in the log", e.Partition, m.id)
		}
		m.doubtful = !r.setup.refuseDoubtful
		if !m.touched && r.sim.topic == 0 {
			l.add(invariantGaveUp, "partition %d: message %d is in doubt, but was in nothing that was refused", e.Partition, m.id)
		}
	}
}

// beginsWhole reports whether these are the first messages of an intent's whole, with
// those of the intent.
func beginsWhole(done []producer.NumberRange, i *producer.Intent) bool {
	whole, list := slices.Collect(eachNumber(i.Whole)), slices.Collect(eachNumber(done))
	least := len(slices.Collect(eachNumber(i.Messages)))
	return len(list) >= least && len(list) <= len(whole) && slices.Equal(list, whole[:len(list)])
}
