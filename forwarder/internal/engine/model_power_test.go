package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
	"github.com/eventferry/eventferry/forwarder/internal/drain"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

const (
	powerSchedules = 1000
	powerCuts      = 5 // of each schedule, at least
)

// What lies in a spool is in Kafka once and in order, wherever the power is cut: at
// any write, sync, or change of the folder of a process that stores and delivers.
func TestModel_power(t *testing.T) {
	t.Parallel()
	count := min(powerSchedules, modelSchedules)
	if testing.Short() {
		count = min(count, 100)
	}
	var cuts, kept, recycled atomic.Int64
	t.Run("schedules", func(t *testing.T) {
		chunks := 4 * runtime.GOMAXPROCS(0)
		for c := range chunks {
			t.Run(strconv.Itoa(c), func(t *testing.T) {
				t.Parallel()
				for seed := c; seed < count && !t.Failed(); seed += chunks {
					result, r := powerInBubble(t, uint64(seed), powerDefect{}) //nolint:gosec // not negative
					report(t, uint64(seed), result)                            //nolint:gosec // not negative
					cuts.Add(int64(r.cuts))
					kept.Add(r.kept.Load())
					recycled.Add(r.recycled.Load())
				}
			})
		}
	})
	t.Logf("%d power cuts; %d entries stayed in memory until they were read, and %d came back", cuts.Load(), kept.Load(), recycled.Load())
	assert.GreaterOrEqual(t, cuts.Load(), int64(count*powerCuts))
	assert.Greater(t, recycled.Load(), int64(count), "entries go from memory to the engine")
}

func powerInBubble(t *testing.T, seed uint64, broken powerDefect) (result *modelResult, r *powerRun) {
	t.Helper()
	defer func() {
		if v := recover(); v != nil {
			t.Fatalf("schedule %d: %v", seed, v)
		}
	}()
	synctest.Test(t, func(*testing.T) { result, r = runPower(seed, broken) })
	return result, r
}

// A powerDefect is what is wrong with a spool or its use, for controls.
type powerDefect struct {
	start    func()                                  // called before a spool is opened
	lie      func(disktest.Op) bool                  // syncs that do nothing
	journal  func(producer.Journal) producer.Journal // in the place of the spool's
	submit   func(*producer.Group)                   // called before each Submit of the drain
	recover  func(map[string][]producer.Recovered)   // called with what a start finds
	clock    func() time.Time                        // of the engine
	unsynced bool                                    // nobody waits for a sync of what was stored
	reuses   bool                                    // memory is used again that the spool has kept
	fault    modelFault                              // that is needed
}

// A powerRun is a run of a process with a spool on a disk whose power is cut. What is
// submitted is stored, and a drain carries it to the engine. Goroutines of the spool
// run in any order, so that a run is not the same each time.
type powerRun struct {
	*modelRun

	broken    powerDefect
	setup     modelSetup
	disk      *disktest.Disk
	store     *spoolstore.Store
	mortal    *mortalNetwork
	life      int
	ops       atomic.Int64 // of the disk in this life
	cutAt     atomic.Int64 // the operation that finds the power off
	down      atomic.Bool  // the power is off
	cuts      int
	numbers   map[uint64]*modelMessage
	confirmed map[*modelGroup]bool // synced, as its caller was told
	kept      atomic.Int64         // entries whose memory the spool has kept, to read them from there
	recycled  atomic.Int64         // of these, whose memory came back
}

func runPower(seed uint64, broken powerDefect) (*modelResult, *powerRun) {
	const messages = 90
	rnd := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // repeatable
	s := newSimCluster(1+rnd.IntN(3), 1+rnd.IntN(3))
	s.hints, s.blames, s.duplicates = rnd.IntN(2) == 0, rnd.IntN(2) == 0, rnd.IntN(2) == 0
	s.limit = []int{1 << 20, 4 * largestOrdinary}[rnd.IntN(2)]
	s.expires = 2 * time.Hour // of the model's time: far longer than a record batch is under way
	r := &powerRun{
		modelRun: &modelRun{rand: rnd, sim: s, ledger: newLedger(s), mood: modelMood{steady: s.limit, late: 1 + rnd.IntN(20)}},
		broken:   broken,
		disk:     disktest.New(seed),
		numbers:  map[uint64]*modelMessage{}, confirmed: map[*modelGroup]bool{},
	}
	r.ledger.fill(rnd, messages, modelUsers, 0)
	r.setup = modelSetup{servers: s.servers(), seed: seed, most: []int{300, 1000, 5000}[rnd.IntN(3)], clock: broken.clock}
	if rnd.IntN(4) == 0 {
		r.setup.first = math.MaxInt32 - rnd.Int32N(100)
	}
	for _, f := range modelFaults() {
		if rnd.IntN(2) == 0 {
			r.faults = append(r.faults, f)
		}
	}
	if broken.fault != nil {
		r.faults = append(r.faults, broken.fault, broken.fault)
	}
	r.note("seed %d: %d brokers, %d partitions, %+v", seed, len(s.brokers), len(s.partitions), r.setup)
	r.start()
	r.disturb()
	if !r.failed() {
		r.heal()
		r.settleFor(15 * time.Minute)
	}
	if !r.failed() {
		r.late()
	}
	r.stop()
	return &modelResult{trace: r.trace, found: r.ledger.found}, r
}

// disturb goes on until all is stored and the power was cut often enough.
func (r *powerRun) disturb() {
	for step := 0; step < mostSteps && !r.failed() && (r.next < len(r.ledger.groups) || r.cuts < powerCuts); step++ {
		switch n := r.rand.IntN(100); {
		case r.down.Load() || r.next == len(r.ledger.groups) && r.settled():
			r.end(powerCut)
		case n < 10 && r.next < len(r.ledger.groups):
			r.submit()
		case n < 11:
			r.end([]powerEnd{killed, closed}[r.rand.IntN(2)])
		case n < 14:
			r.fault()
		case n < 16:
			r.news()
		case n < 25 || !r.network():
			r.sleep()
		}
		r.rest()
	}
	r.cutAt.Store(math.MaxInt64)
	if r.down.Load() {
		r.end(powerCut)
	}
}

func (r *powerRun) spoolOptions() spoolstore.Options {
	return spoolstore.Options{
		MaxBytes: 64 * powerSegment, SegmentBytes: powerSegment, GroupBytes: 1 << 10, ControlBytes: 64 << 10,
		Remembered: 1000, Logger: discardLogger(),
	}
}

// start begins a life: what lies on the disk is read, and goes on.
func (r *powerRun) start() {
	for !r.open() {
		r.note("the power is cut while the spool is opened")
		r.cutDisk()
	}
	life := r.life
	recovered, err := drain.Recover(r.store, false, r.settler(life), func(drain.Doubt) {})
	if err == nil {
		r.reborn()
	}
	if err != nil && !r.down.Load() {
		r.violated(invariantProgress, "recovering: %v", err)
	}
	if r.broken.recover != nil {
		r.broken.recover(recovered)
	}
	setup := r.setup
	r.mortal = &mortalNetwork{brokerNetwork: r.sim, sim: r.sim}
	setup.network = r.mortal
	setup.journal = doubtJournal{drain.Journal{Store: r.store, Gate: new(drain.Gate)}, r, life}
	if r.broken.journal != nil {
		setup.journal = r.broken.journal(setup.journal)
	}
	setup.recovered = recovered[""]
	setup.lastTimestamp = func(_ string, p int32) int64 { return r.store.LastTimestamp(spoolstore.Partition{ID: p}) }
	e := startModel(setup).(*Engine) //nolint:errcheck,forcetypeassert // see startModel
	carrier := drain.New(drain.Config{
		Store: r.store, Hash: murmur2, MaxBytes: []int64{1, 5000, 1 << 20}[r.rand.IntN(3)], Settled: r.settler(life),
		Recycle: func(memory *[]byte) { r.recycled.Add(1); writeOver(memory) },
		Topics: []drain.Topic{{
			Producer: brokenSubmit{e, r.broken.submit}, Partitions: e.Partitions, TopicID: e.TopicID, Recovered: recovered[""],
		}},
	})
	stats := r.store.Stats()
	r.note("life %d: recovered %d, stored %d in %d bytes, cut at operation %d", life, len(recovered[""]), stats.Messages, stats.Bytes, r.cutAt.Load())
	r.producer = &storing{Producer: e, run: r, store: r.store, carrier: carrier}
	r.modelRun.rest()
}

// open opens the spool, unless the power is cut meanwhile.
func (r *powerRun) open() bool {
	r.life++
	r.ops.Store(0)
	r.down.Store(false)
	r.cutAt.Store(1 + r.rand.Int64N(150))
	if r.cuts >= powerCuts {
		r.cutAt.Store(math.MaxInt64)
	}
	if r.broken.start != nil {
		r.broken.start()
	}
	r.disk.Lie = r.broken.lie
	r.disk.Before = func(disktest.Op) error {
		if r.ops.Add(1) >= r.cutAt.Load() {
			r.down.Store(true)
			return disktest.ErrPowerCut
		}
		return nil
	}
	var err error
	r.store, err = spoolstore.Open(r.disk, r.spoolOptions())
	if err != nil && !r.down.Load() {
		panic(fmt.Sprintf("opening the spool: %v", err))
	}
	return err == nil
}

func (r *powerRun) cutDisk() {
	r.cuts++
	r.disk = r.disk.Cut()
}

func (r *powerRun) violated(invariant, format string, args ...any) {
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	r.ledger.add(invariant, format, args...)
}

// settler returns what the drain of a life tells how messages end.
func (r *powerRun) settler(life int) drain.Settled {
	return func(first uint64, result drain.MessageResult, _ *drain.Ended) {
		if result.Closed() {
			return
		}
		r.sim.mu.Lock()
		defer r.sim.mu.Unlock()
		if life == r.life && !r.down.Load() {
			r.ledger.settle(r.numbers[first+uint64(result.Index)], result.Result) //nolint:gosec // an index
		}
	}
}
