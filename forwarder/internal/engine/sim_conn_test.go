package engine

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// A simName is what connections have in common that are numbered together:
// whatever a client asks first on a connection says what it is for.
type simName struct {
	broker    int32
	role      simKind
	partition int32 // of simLook
}

// A simConn is a connection to a broker.
type simConn struct {
	sim    *simCluster
	broker *simBroker
	name   simName
	number int // 0: not used yet
	eof    bool
	used   bool // by a goroutine
	closed bool // by the client
	dead   bool

	calls []*simCall // in the order of the client
	count int
	late  []*simCall // of a dead connection: what may still be read from it

	running sync.WaitGroup // calls whose callback has not returned
}

type simKind int8

const (
	simProduce simKind = iota
	simMetadata
	simProducerID
	simVerify
	simLook
)

type simStage int8

const (
	simWriting  simStage = iota // the client blocks on it
	simSent                     // the broker has it, or soon will
	simOpen                     // written, but not to all replicas
	simAnswered                 // the answer is on its way
	simIgnored                  // there will be no answer
	simHeld                     // the client may not write it yet
)

// A simCall is what a client has asked.
type simCall struct {
	kind       simKind
	number     int
	stage      simStage
	since      time.Time
	partitions []int32
	parts      []simPart
	answer     *sarama.ProduceResponse
	view       topicMetadata
	id         int64
	query      logQuery
	log        logAnswer
	err        error

	answered func(*sarama.ProduceResponse, error) // of simProduce
	released chan error                           // of simWriting
	done     chan error                           // of the others
}

// A simPart is what a request has for a partition, and its answer.
type simPart struct {
	partition int32
	batch     *simBatch
	err       sarama.KError
	offset    int64
	end       int64 // answered when the log is safe up to here; 0: at once
	epoch     int32 // of the leader that has written it
	blamed    []int32
	fresh     bool
	refusal   *simRefusal
}

func (c *simConn) String() string {
	return fmt.Sprintf("broker %d %s#%d", c.name.broker, [...]string{"produce", "metadata", "id", "verify", "look"}[c.name.role], c.number)
}

func (c *simCall) String() string {
	if c.kind != simProduce {
		return fmt.Sprintf("call %d", c.number)
	}
	s := fmt.Sprintf("call %d:", c.number)
	for _, p := range c.parts {
		s += fmt.Sprintf(" p%d %d/%d/%d+%d", p.partition, p.batch.producer, p.batch.epoch, p.batch.first, len(p.batch.records))
	}
	return s
}

// begin is the beginning of every call. partition is that of a simLook.
func (c *simConn) begin(kind simKind, partition int32) (*simCall, error) {
	if c.used {
		c.sim.broken(invariantUse, "%s is used by two goroutines", c)
	}
	c.used = true
	if c.closed {
		c.sim.broken(invariantUse, "%s is used after it was closed", c)
	}
	if c.dead {
		return nil, errSimClosed
	}
	if c.number == 0 {
		c.name = simName{broker: c.broker.id, role: kind, partition: partition}
		c.sim.names[c.name]++
		c.number = c.sim.names[c.name]
	}
	c.count++
	call := &simCall{kind: kind, number: c.count, stage: simSent, since: time.Now()}
	c.calls = append(c.calls, call)
	return call, nil
}

// produce implements conn.
func (c *simConn) produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	defer func() { c.used = false }()
	call, err := c.begin(simProduce, 0)
	if err != nil {
		return err
	}
	for _, p := range r.partitions {
		call.partitions = append(call.partitions, p.partition)
	}
	c.watch(call)
	if r.mayBeSent != nil {
		call.stage = simHeld
		c.sim.mu.Unlock()
		err = r.mayBeSent()
		c.sim.mu.Lock()
		call.stage = simSent
		switch {
		case err != nil:
			c.calls = slices.DeleteFunc(c.calls, func(o *simCall) bool { return o == call })
			return err
		case c.dead:
			err = errSimReset
		}
	}
	if err == nil && c.broker.stalls {
		call.stage, call.released = simWriting, make(chan error, 1)
		c.sim.mu.Unlock()
		err = <-call.released
		c.sim.mu.Lock()
	}
	// Only now it is read: until then its memory is in use.
	for _, p := range r.partitions {
		call.parts = append(call.parts, simPart{partition: p.partition, batch: c.sim.read(p.batch)})
	}
	if err == nil {
		err = c.compress(call, r)
	}
	call.stage = simSent
	if err != nil {
		if c.dead && c.broker.up && call.released != nil { // it may or may not be written
			c.late = append(c.late, call)
		}
		c.noteCut(call)
		c.calls = slices.DeleteFunc(c.calls, func(o *simCall) bool { return o == call })
		return err
	}
	call.answered = answered
	c.running.Add(1)
	return nil
}

// compress finds out what r takes on the wire, and whether it may.
func (c *simConn) compress(call *simCall, r *produceRequest) error {
	records, percent := 0, 0
	for _, p := range call.parts {
		if int(p.partition) >= len(c.sim.partitions) { // the topic has fewer by now
			continue
		}
		records += len(p.batch.records)
		percent += len(p.batch.records) * c.sim.partitions[p.partition].compressed
	}
	written := r.bytes * percent / max(1, records) / 100
	if r.maxWritten > 0 && written > r.maxWritten {
		return &aboveMaxWrittenError{written}
	}
	if c.sim.onWire > 0 && written > c.sim.onWire && len(r.partitions) > 1 {
		c.sim.broken(invariantWire, "%s: %d bytes, of which there may be %d", call, written, c.sim.onWire)
	}
	r.written = written
	return nil
}

// metadata implements conn.
func (c *simConn) metadata() (topicMetadata, error) {
	call, err := c.ask(simMetadata)
	if err != nil {
		return topicMetadata{}, err
	}
	return call.view, call.err
}

// producerID implements conn.
func (c *simConn) producerID() (producerIDAnswer, error) {
	call, err := c.ask(simProducerID)
	if err != nil {
		return producerIDAnswer{}, err
	}
	return producerIDAnswer{id: call.id}, call.err
}

// written implements brokerConn.
func (c *simConn) written(q *logQuery) (logAnswer, error) {
	call, err := c.askFor(simLook, *q)
	if err != nil {
		return logAnswer{}, err
	}
	return call.log, call.err
}

// throttledFor implements brokerConn.
func (c *simConn) throttledFor() time.Duration { return 0 }

// closedByBroker implements brokerConn.
func (c *simConn) closedByBroker() bool {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	return c.dead || c.eof
}

// verify implements brokerConn.
func (c *simConn) verify() error {
	_, err := c.ask(simVerify)
	return err
}

func (c *simConn) ask(kind simKind) (*simCall, error) { return c.askFor(kind, logQuery{}) }

func (c *simConn) askFor(kind simKind, q logQuery) (*simCall, error) {
	c.sim.mu.Lock()
	call, err := c.begin(kind, q.partition)
	if err == nil {
		call.query = q
		call.done = make(chan error, 1)
		c.sim.mu.Unlock()
		err = <-call.done
		c.sim.mu.Lock()
	}
	c.used = false
	c.sim.mu.Unlock()
	return call, err
}

// abort implements conn.
func (c *simConn) abort() {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	c.dieLocked(errSimClosed)
}

// close implements conn. As with Sarama, what is under way is waited for.
func (c *simConn) close() {
	c.sim.mu.Lock()
	if c.used {
		c.sim.broken(invariantUse, "%s is closed while it is used", c)
	}
	c.closed = true
	c.sim.mu.Unlock()
	c.running.Wait()
	c.sim.mu.Lock()
	c.dieLocked(errSimClosed)
	c.sim.mu.Unlock()
	c.running.Wait()
}

// dieLocked ends c. Its client learns it; the broker may still read what it has
// been sent.
func (c *simConn) dieLocked(err error) {
	if c.dead {
		return
	}
	c.dead = true
	var lost []*simCall
	for _, call := range c.calls {
		if call.kind == simProduce && call.stage == simSent && !c.eof {
			c.late = append(c.late, call)
		}
		switch {
		case call.stage == simHeld: // it learns it when it writes
		case call.stage == simWriting:
			call.released <- err
		case call.kind == simProduce:
			lost = append(lost, call)
			c.noteCut(call)
		default:
			call.done <- err
		}
	}
	c.calls = slices.DeleteFunc(c.calls, func(call *simCall) bool { return call.stage != simWriting && call.stage != simHeld })
	if len(lost) == 0 {
		return
	}
	if c.eof {
		err = io.EOF
	}
	go func() {
		for _, call := range lost {
			<-time.After(c.moment(call))
			call.answered(nil, err)
			c.running.Done()
		}
	}()
}

func (c *simConn) noteCut(call *simCall) {
	if len(call.parts) == 1 {
		c.sim.cut(call.parts[0].batch)
	}
}

// moment is how long it takes until a client learns that call has failed: of
// two that fail at the same time, always the same is told first, and what it
// makes the client do comes before the other.
func (c *simConn) moment(call *simCall) time.Duration {
	const most = 64
	return time.Duration((int(c.broker.id)*most+c.number%most)*most + call.number%most)
}

func (c *simConn) writing() bool {
	return slices.ContainsFunc(c.calls, func(call *simCall) bool { return call.stage == simWriting || call.stage == simHeld })
}

// mostInFlight is how many requests a connection may have.
const mostInFlight = 2

// watch checks what a client must never do.
func (c *simConn) watch(call *simCall) {
	if c.sim.lax {
		return
	}
	produces := 0
	for _, other := range c.sim.conns {
		for _, o := range other.calls {
			if other.dead || o == call || o.kind != simProduce {
				continue
			}
			if other == c {
				produces++
			}
			for _, p := range call.partitions {
				if slices.Contains(o.partitions, p) {
					c.sim.broken(invariantFlight, "%s, call %d: partition %d has a batch under way already", c, call.number, p)
				}
			}
		}
	}
	if produces >= mostInFlight {
		c.sim.broken(invariantFlight, "%s, call %d: %d requests are under way already", c, call.number, produces)
	}
	for i, p := range call.partitions {
		if slices.Contains(call.partitions[:i], p) {
			c.sim.broken(invariantFlight, "%s, call %d: two batches of partition %d", c, call.number, p)
		}
	}
}

// read is what a broker gets of b.
func (s *simCluster) read(b *sarama.RecordBatch) *simBatch {
	got := &simBatch{producer: b.ProducerID, epoch: b.ProducerEpoch, first: b.FirstSequence, records: make([]simRecord, len(b.Records))}
	if b.Version != recordBatchVersion || b.PartitionLeaderEpoch != -1 || int(b.LastOffsetDelta) != len(b.Records)-1 || b.IsTransactional || b.Control {
		s.broken(invariantFormat, "version %d, leader epoch %d, last offset %d of %d records", b.Version, b.PartitionLeaderEpoch, b.LastOffsetDelta, len(b.Records))
	}
	for i, r := range b.Records {
		one := &got.records[i]
		one.key, one.value = slices.Clone(r.Key), slices.Clone(r.Value)
		for _, h := range r.Headers {
			one.part += string(h.Key) + "=" + string(h.Value)
		}
		one.at = b.FirstTimestamp.Add(r.TimestampDelta)
		if r.OffsetDelta != int64(i) || one.at.After(b.MaxTimestamp) {
			s.broken(invariantFormat, "record %d has offset %d and a time %s after the batch's", i, r.OffsetDelta, one.at.Sub(b.MaxTimestamp))
		}
	}
	return got
}
