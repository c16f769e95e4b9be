package engine

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
)

// A modelSetup is what a producer of a run is made with. Its times are no round
// numbers: what is due at the same instant comes in any order, and then the run
// cannot be repeated.
type modelSetup struct {
	network brokerNetwork
	servers []string
	linger  time.Duration
	most    int // bytes of a batch
	onWire  int // most bytes of a request after compression; 0: the usual number
	first   int32
	seed    uint64
	hash    partition.Func // nil: the usual one
	age     time.Duration  // of connections that are renewed; 0: none are

	// Of runs with a journal.
	journal        producer.Journal
	recovered      []producer.Recovered
	refuseDoubtful bool
	pending        []*producer.Group // that are submitted before all others
	clock          func() time.Time  // nil: the usual one
	lastTimestamp  func(topic string, partition int32) int64
}

// A modelSubject makes the producer of a run.
type modelSubject func(modelSetup) producer.Producer

// A modelRun is one schedule. Its goroutine does one thing after the other, each
// chosen by chance, and each only when everything has come to rest: so the same
// seed gives the same run.
type modelRun struct {
	rand     *rand.Rand
	sim      *simCluster
	ledger   *ledger
	producer producer.Producer
	mood     modelMood
	faults   []modelFault

	next  int // group to submit
	moves []simMove
	trace []string
	heard []string // what others note; guarded by the cluster's lock
}

// A modelMood is how a run differs from others: with everything possible all of
// the time, much would never happen.
type modelMood struct {
	submit, network, fault, withdraw, sleep, news int // how often, in relation
	restless                                      int // steps after all is submitted
	closeAt                                       int // step at which it is closed; 0: at the end
	steady                                        int // the topic's limit
	late                                          int // so much more seldom late copies are read than others
}

// A modelResult is what came of a run.
type modelResult struct {
	trace    []string
	found    []violation
	outcomes map[producer.Outcome]int
}

func (r *modelResult) hash() uint64 {
	h := fnv.New64a()
	for _, line := range r.trace {
		_, _ = io.WriteString(h, line)
	}
	return h.Sum64()
}

const (
	modelMessages = 200
	modelUsers    = 8
)

// runModel runs the schedule of a seed, in a bubble.
func runModel(seed uint64, subject modelSubject) *modelResult {
	r := newModelRun(seed, subject)
	r.trouble()
	if !r.failed() && r.mood.closeAt == 0 {
		r.heal()
		r.settle()
	}
	if !r.failed() && r.mood.closeAt == 0 {
		r.late()
	}
	r.end()
	result := &modelResult{trace: r.trace, found: r.ledger.found, outcomes: map[producer.Outcome]int{}}
	for _, m := range r.ledger.messages {
		if m.settled > 0 {
			result.outcomes[m.result.Outcome]++
		}
	}
	return result
}

func newModelRun(seed uint64, subject modelSubject) *modelRun {
	rnd := rand.New(rand.NewPCG(seed, 0))
	pick := func(usual int, others ...int) int {
		if rnd.IntN(4) > 0 {
			return usual
		}
		return others[rnd.IntN(len(others))]
	}
	r := &modelRun{rand: rnd, sim: newSimCluster(pick(2, 1, 3), pick(3, 1, 2, 6))}
	r.ledger = newLedger(r.sim)
	r.ledger.fill(rnd, modelMessages, modelUsers, pick(2, 0, 0, 10))
	r.mood = modelMood{
		submit:   1 + rnd.IntN(40),
		network:  60,
		fault:    pick(5, 0, 2, 15),
		withdraw: pick(2, 0, 10),
		sleep:    1 + rnd.IntN(20),
		news:     1 + rnd.IntN(4),
		restless: rnd.IntN(200),
		steady:   pick(1<<20, 4*largestOrdinary, 2*largestOrdinary),
		late:     pick(1, 10, 100, 1000),
	}
	if rnd.IntN(5) == 0 {
		r.mood.closeAt = 1 + rnd.IntN(600)
	}
	for _, f := range modelFaults() {
		if rnd.IntN(2) == 0 {
			r.faults = append(r.faults, f)
		}
	}
	if rnd.IntN(8) == 0 { // what is refused after it may have been written is the hardest of all
		r.faults = append(r.faults, faultLimit, faultLimit, faultLimit, faultLimit, faultCut, faultCut)
	}
	s := r.sim
	s.limit, s.hints, s.blames, s.duplicates = r.mood.steady, rnd.IntN(2) == 0, rnd.IntN(2) == 0, rnd.IntN(2) == 0
	setup := modelSetup{network: s, servers: s.servers(), seed: seed, most: pick(1000, 300, 5000, 100_000)}
	if seed%3 == 1 {
		setup.age = time.Duration(1+seed%97) * 13_777_777 //nolint:gosec // small
	}
	if seed%4 == 2 {
		setup.onWire = 2*largestOrdinary + int(seed%300)
		s.onWire = setup.onWire
		r.faults = append(r.faults, faultCompression, faultCompression)
		for _, p := range s.partitions {
			p.compressed = 1 + int(seed%40)
		}
	}
	if rnd.IntN(3) == 0 {
		setup.linger = 1 + time.Duration(rnd.Int64N(int64(20*time.Millisecond)))
	}
	if rnd.IntN(4) == 0 {
		setup.first = math.MaxInt32 - rnd.Int32N(100)
	}
	switch rnd.IntN(6) {
	case 0:
		setup.servers = []string{simHangs, setup.servers[0]}
	case 1:
		s.aliases["bootstrap:9092"] = 1
		setup.servers = []string{"bootstrap:9092"}
	}
	r.note("seed %d: %+v, %d brokers, %d partitions, %v", seed, r.mood, len(s.brokers), len(s.partitions), setup.servers)
	r.producer = subject(setup)
	synctest.Wait()
	return r
}

func (r *modelRun) note(format string, args ...any) {
	r.trace = append(r.trace, fmt.Sprintf(format, args...))
}

// rest waits until nothing runs, and notes what was settled meanwhile.
func (r *modelRun) rest() {
	synctest.Wait()
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	slices.Sort(r.heard)
	r.trace, r.heard = append(r.trace, r.heard...), nil
	if len(r.ledger.changes) == 0 {
		return
	}
	slices.Sort(r.ledger.changes)
	var line strings.Builder
	line.WriteString("    settled:")
	for _, id := range r.ledger.changes {
		m := r.ledger.messages[id]
		fmt.Fprintf(&line, " %d=%s", id, [...]string{"unknown", "acknowledged", "not sent"}[m.result.Outcome])
	}
	r.ledger.changes = r.ledger.changes[:0]
	r.note("%s", line.String())
}

func (r *modelRun) failed() bool {
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	return len(r.ledger.found) > 0
}

const mostSteps = 5000

// trouble goes on until all is submitted, and for some time after that.
func (r *modelRun) trouble() {
	m := r.mood
	for step, after := 1, 0; step < mostSteps && after < m.restless+1 && !r.failed(); step++ {
		if step == m.closeAt {
			r.close()
			return
		}
		if r.next == len(r.ledger.groups) {
			after++
		}
		switch n := r.rand.IntN(m.submit + m.network + m.fault + m.withdraw + m.sleep + m.news); {
		case n < m.submit:
			r.submit()
		case n < m.submit+m.network:
			if !r.network() {
				r.sleep()
			}
		case n < m.submit+m.network+m.fault:
			r.fault()
		case n < m.submit+m.network+m.fault+m.withdraw:
			r.withdraw()
		case n < m.submit+m.network+m.fault+m.withdraw+m.sleep:
			r.sleep()
		default:
			r.news()
		}
		r.rest()
	}
	if m.closeAt > 0 {
		r.close()
	}
}

func (r *modelRun) submit() {
	if r.next == len(r.ledger.groups) {
		return
	}
	g := r.ledger.groups[r.next]
	r.next++
	r.sim.mu.Lock()
	for _, m := range g.messages {
		m.submitted = true
	}
	r.sim.mu.Unlock()
	first := g.messages[0]
	r.note("submit %d to %d of user %d", first.id, first.id+len(g.messages)-1, first.user)
	r.producer.Submit(&g.Group)
}

// network lets something happen that was under way.
func (r *modelRun) network() bool {
	r.sim.mu.Lock()
	r.moves = r.sim.moves(r.moves[:0])
	r.sim.mu.Unlock()
	if r.rand.IntN(r.mood.late) > 0 {
		r.moves = slices.DeleteFunc(r.moves, func(m simMove) bool { return m.step == simLate })
	}
	if len(r.moves) == 0 {
		return false
	}
	m := r.moves[r.rand.IntN(len(r.moves))]
	if m.step == simLate && r.rand.IntN(4) == 0 {
		r.sim.mu.Lock()
		m.conn.late = nil
		r.sim.mu.Unlock()
		r.note("%s: what was sent is lost", m.conn)
		return true
	}
	r.note("%s", r.sim.move(m))
	return true
}

// answerTimeout is how long a client waits for an answer.
const answerTimeout = 10 * time.Second

func (r *modelRun) sleep() {
	longest := 2 * time.Millisecond
	switch n := r.rand.IntN(200); {
	case n == 0:
		longest = time.Minute
	case n < 20:
		longest = 2 * time.Second
	case n < 60:
		longest = 100 * time.Millisecond
	}
	r.pass(1 + time.Duration(r.rand.Int64N(int64(longest))))
}

func (r *modelRun) pass(d time.Duration) {
	r.note("%s pass", d)
	<-time.After(d)
	synctest.Wait()
	r.sim.mu.Lock()
	r.sim.expire(time.Now(), answerTimeout)
	r.sim.mu.Unlock()
}

// withdraw takes back what it can of a group, as when a caller's context ends.
func (r *modelRun) withdraw() {
	if r.next == 0 {
		return
	}
	g := r.ledger.groups[max(0, r.next-1-r.rand.IntN(10))]
	partition, first := r.producer.Withdraw(&g.Group)
	r.note("withdraw %d: from %d of %d on, partition %d", g.messages[0].id, first, len(g.messages), partition)
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	r.ledger.withdraw(g, partition, first)
}

// news reach a broker.
func (r *modelRun) news() {
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	b := r.sim.brokers[r.rand.IntN(len(r.sim.brokers))]
	r.sim.tell(b)
	r.note("broker %d learns of leaders %v", b.id, b.known.leaders)
}
