package engine

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/eventferry/eventferry/partition"
)

// testPartition returns a partition without a leader.
func testPartition() *topicPartition {
	return newTopicPartition(0, 0, rand.New(rand.NewPCG(1, 2)))
}

// testEngine returns an engine without goroutines.
func testEngine(partitions ...*topicPartition) *Engine {
	e := &Engine{
		brokerSet:  newBrokerSet(Config{}, sendLimits{}, nil, 1), // as for every engine, so that it lacks nothing
		metadata:   &metadataUpdater{requested: make(chan struct{}, 1), watchBegun: make(chan struct{}, 1)},
		partitions: slices.Clone(partitions),
		sticky:     newStickyPartition(rand.New(rand.NewPCG(1, 2))),
	}
	e.engines = []*Engine{e}
	return e
}

// knowing returns an engine that has the metadata.
func knowing(m topicMetadata) *Engine {
	e := testEngine()
	e.closed = true // no worker does anything
	for i := range m.leaders {
		id := int32(i) //nolint:gosec // few
		e.counters[id] = &brokerCounters{}
		e.workers[id] = &brokerWorker{set: e.brokerSet, id: id, counters: e.counters[id], rand: rand.New(rand.NewPCG(1, 2)), woken: make(chan struct{}, 1)}
	}
	var done settlements
	e.applyMetadataLocked(m, &done, time.Now())
	return e
}

// ledBy returns an engine with a partition that a worker leads, which has a
// producer id.
func ledBy() (*Engine, *topicPartition, *brokerWorker) {
	e := knowing(topicMetadata{leaders: []int32{0}, epochs: []int32{0}, brokers: map[int32]string{0: "b0:9093"}})
	e.topic, e.hash, e.limits = "events", partition.Murmur2, sendLimits{recordBatch: 1 << 10, request: 1 << 20}
	p, w := e.partitions[0], e.workers[0]
	p.producer.begin(producerIDAnswer{id: 7})
	return e, p, w
}
