package engine

import (
	"fmt"
	"slices"

	"github.com/IBM/sarama"
)

// A simMove is something that can happen next in a cluster.
type simMove struct {
	step simStep
	addr string
	conn *simConn
}

type simStep int8

const (
	simDialed  simStep = iota // who dials an address is told
	simRelease                // a write that blocked returns
	simHandle                 // a broker reads a request
	simCommit                 // the replicas have what was written
	simDeliver                // an answer reaches the client
	simEnd                    // a connection that is no good ends
	simSync                   // a journal is safe up to here
	simLate                   // a broker reads what was sent on a connection that is dead by now
)

// moves are all that can happen, in an order that can be repeated.
func (s *simCluster) moves(list []simMove) []simMove {
	for _, addr := range s.dialed() {
		list = append(list, simMove{step: simDialed, addr: addr})
	}
	if s.journal != nil && s.journal.unsynced() {
		list = append(list, simMove{step: simSync})
	}
	for _, c := range s.sorted() {
		if len(c.late) > 0 {
			list = append(list, simMove{step: simLate, conn: c})
		}
		if c.dead || len(c.calls) == 0 {
			continue
		}
		if c.eof {
			list = append(list, simMove{step: simEnd, conn: c})
			continue
		}
		if c.calls[0].stage == simAnswered {
			list = append(list, simMove{step: simDeliver, conn: c})
		}
		// A broker handles what comes on a connection one after the other.
		if i := slices.IndexFunc(c.calls, func(call *simCall) bool { return call.stage != simAnswered }); i >= 0 {
			if c.calls[i].stage == simIgnored || c.calls[i].stage == simHeld {
				continue
			}
			step := [...]simStep{simWriting: simRelease, simSent: simHandle, simOpen: simCommit}[c.calls[i].stage]
			list = append(list, simMove{step: step, conn: c})
		}
	}
	return list
}

// move does m and says what it was.
func (s *simCluster) move(m simMove) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := m.conn
	switch m.step {
	case simDialed:
		return fmt.Sprintf("dial %s: %v", m.addr, s.answerDials(m.addr))
	case simSync:
		return s.journal.sync()
	case simEnd:
		c.dieLocked(errSimReset)
		return fmt.Sprintf("%s: EOF", c)
	case simLate:
		call := c.late[0]
		c.late = c.late[1:]
		s.handle(c.broker, call)
		return fmt.Sprintf("%s: %s is read late: %s", c, call, call.outcome())
	case simDeliver:
		call := c.calls[0]
		c.calls = c.calls[1:]
		if call.kind != simProduce {
			call.done <- nil
			if call.kind == simLook {
				s.show(call)
				return fmt.Sprintf("%s: %s is answered %+v %v", c, call, call.log, call.err)
			}
			return fmt.Sprintf("%s: %s is answered %v %d %v", c, call, call.view.leaders, call.id, call.err)
		}
		s.mu.Unlock() // who is told may send the next
		call.answered(call.answer, nil)
		s.mu.Lock()
		c.running.Done()
		return fmt.Sprintf("%s: %s is answered", c, call)
	}
	call := c.calls[slices.IndexFunc(c.calls, func(call *simCall) bool { return call.stage != simAnswered })]
	switch m.step {
	case simRelease:
		call.released <- nil
		return fmt.Sprintf("%s: call %d can be written", c, call.number)
	case simHandle:
		if s.request > 0 && call.size() > s.request {
			c.eof = true
			c.dieLocked(errSimReset)
			return fmt.Sprintf("%s: %s is too large: EOF", c, call)
		}
		if text := s.refuse(c, call); text != "" {
			return fmt.Sprintf("%s: %s: %s", c, call, text)
		}
		s.handle(c.broker, call)
		return fmt.Sprintf("%s: %s is read: %s", c, call, call.outcome())
	default:
		s.commit(call)
		if s.loses(c, call) {
			return fmt.Sprintf("%s: %s is safe, and not answered", c, call)
		}
		return fmt.Sprintf("%s: %s is safe: %s", c, call, call.outcome())
	}
}

func (c *simCall) size() (n int) {
	for _, p := range c.parts {
		n += p.batch.size()
	}
	return n
}

func (c *simCall) outcome() (text string) {
	for _, p := range c.parts {
		switch {
		case p.err != sarama.ErrNoError:
			text += fmt.Sprintf("[%d]", int16(p.err))
		case p.fresh:
			text += fmt.Sprintf("[at %d]", p.offset)
		default:
			text += fmt.Sprintf("[at %d already]", p.offset)
		}
	}
	return text
}

// handle is what a broker does with a request.
func (s *simCluster) handle(b *simBroker, call *simCall) {
	call.stage = simAnswered
	switch call.kind {
	case simMetadata:
		call.view, call.err = b.known, s.trouble
	case simProducerID:
		if call.err = s.trouble; call.err == nil {
			s.producers++
			call.id = 1000 + s.producers
		}
	case simLook:
		call.log, call.err = s.look(b, &call.query)
	case simProduce:
		for i := range call.parts {
			s.handlePart(b, &call.parts[i])
			if call.parts[i].end > 0 {
				call.stage = simOpen
			}
		}
		if call.stage == simAnswered {
			s.respond(call)
		}
	}
}

// handlePart writes what may be written.
func (s *simCluster) handlePart(b *simBroker, part *simPart) {
	if int(part.partition) >= len(s.partitions) { // the topic was replaced by one with fewer
		part.offset, part.err = -1, sarama.ErrUnknownTopicOrPartition
		return
	}
	p := s.partitions[part.partition]
	part.offset, part.epoch = -1, p.epoch
	for i, r := range part.batch.records {
		if poisoned(r.value) {
			part.blamed = append(part.blamed, int32(i)) //nolint:gosec // few
		}
	}
	switch {
	case p.denied:
		part.err = sarama.ErrTopicAuthorizationFailed
		return
	case p.leader != b.id && b.stale && b.known.leaders[p.id] == b.id:
		part.err = sarama.ErrRequestTimedOut // no follower follows it
		return
	case p.leader != b.id:
		part.err = sarama.ErrNotLeaderForPartition
		return
	case part.refusal != nil && !part.refusal.writes && part.refusal.code != sarama.ErrNoError:
		part.err = part.refusal.code
		s.refused(part.batch)
		return
	case len(p.before) > 0:
		part.err, p.before = p.before[0], p.before[1:]
		return
	case part.batch.size() > s.limit:
		part.err, part.blamed = sarama.ErrMessageSizeTooLarge, nil
		s.refused(part.batch)
		return
	case len(part.blamed) > 0:
		part.err = sarama.ErrInvalidRecord
		s.refused(part.batch)
		return
	}
	if s.expires > 0 {
		p.log.expire(s.expires)
	}
	already, err := p.log.check(part.batch)
	switch {
	case err != sarama.ErrNoError:
		part.err = err
	case already == nil:
		w := p.log.write(part.batch)
		part.offset, part.end, part.fresh = w.offset, w.end(), true
		s.appended(p.id, w)
	case s.duplicates && already.end() <= p.log.safe:
		part.err = sarama.ErrDuplicateSequenceNumber
	default:
		part.offset, part.end = already.offset, already.end()
	}
}

// commit ends the wait for replicas.
func (s *simCluster) commit(call *simCall) {
	for i := range call.parts {
		part := &call.parts[i]
		if int(part.partition) >= len(s.partitions) {
			part.err, part.end = sarama.ErrUnknownTopicOrPartition, 0
		}
		if part.end == 0 {
			continue
		}
		p := s.partitions[part.partition]
		switch {
		case part.epoch != p.epoch: // too late: it is another's now
			part.err = sarama.ErrNotLeaderForPartition
		case part.refusal != nil && part.refusal.code != sarama.ErrNoError:
			part.err = part.refusal.code
		case len(p.after) > 0:
			part.err, p.after = p.after[0], p.after[1:]
		default:
			p.log.safe = max(p.log.safe, part.end)
		}
		part.end = 0
	}
	call.stage = simAnswered
	s.respond(call)
}

// respond makes the answer.
func (s *simCluster) respond(call *simCall) {
	blocks := map[int32]*sarama.ProduceResponseBlock{}
	call.answer = &sarama.ProduceResponse{
		Blocks: map[string]map[int32]*sarama.ProduceResponseBlock{simTopic: blocks}, ThrottleTime: s.throttle,
	}
	for _, part := range call.parts {
		if part.refusal != nil && part.refusal.omits {
			continue
		}
		block := &sarama.ProduceResponseBlock{Err: part.err, Offset: part.offset}
		if part.err != sarama.ErrNoError {
			block.Offset = -1
		}
		blocks[part.partition] = block
		if int(part.partition) >= len(s.partitions) {
			continue
		}
		p := s.partitions[part.partition]
		if s.hints && part.err == sarama.ErrNotLeaderForPartition {
			block.CurrentLeader = &sarama.ProduceResponseCurrentLeader{LeaderID: p.leader, LeaderEpoch: p.epoch}
		}
		if part.refusal != nil && part.refusal.hintedEpoch > 0 && part.err == part.refusal.code {
			block.CurrentLeader = &sarama.ProduceResponseCurrentLeader{LeaderID: p.leader, LeaderEpoch: part.refusal.hintedEpoch}
		}
		if s.blames && part.err == sarama.ErrInvalidRecord {
			for _, i := range part.blamed {
				block.RecordErrors = append(block.RecordErrors, sarama.ProduceResponseRecordError{BatchIndex: i})
			}
		}
	}
}
