package engine

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// A modelFault breaks something, or repairs it if it is broken. It says what it
// did; an empty text: nothing. It is called with the cluster's lock.
type modelFault func(r *modelRun) string

func modelFaults() []modelFault {
	return []modelFault{
		faultCut, faultCut, faultCut, faultIdle, faultLeader, faultLeader, faultNoLeader, faultRestart, faultBefore, faultAfter, faultDenied, faultHidden,
		faultLimit, faultRequest, faultStall, faultRefuse, faultProxy, faultTrouble, faultThrottle, faultGrow,
	}
}

func (r *modelRun) fault() {
	if len(r.faults) == 0 {
		return
	}
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	if text := r.faults[r.rand.IntN(len(r.faults))](r); text != "" {
		r.note("%s", text)
	}
}

// heal repairs everything.
func (r *modelRun) heal() {
	r.note("heal")
	s := r.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit, s.request, s.trouble, s.throttle = r.mood.steady, 0, nil, 0
	for _, b := range s.brokers {
		b.up, b.refuses, b.proxy, b.stalls = true, false, false, false
	}
	for _, p := range s.partitions {
		p.denied, p.hidden, p.before, p.after = false, false, nil, nil
		if p.leader == noLeader {
			r.elect(p, s.brokers[r.rand.IntN(len(s.brokers))].id)
		}
	}
	s.spread()
}

func (r *modelRun) someBroker() *simBroker { return r.sim.brokers[r.rand.IntN(len(r.sim.brokers))] }

func (r *modelRun) somePartition() *simPartition {
	return r.sim.partitions[r.rand.IntN(len(r.sim.partitions))]
}

func (r *modelRun) someConn() *simConn {
	var open []*simConn
	for _, c := range r.sim.sorted() {
		if !c.dead {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[r.rand.IntN(len(open))]
}

// elect makes a broker leader, or none. What was not replicated may be lost,
// and some brokers do not learn of it at once.
func (r *modelRun) elect(p *simPartition, id int32) string {
	lost := r.rand.IntN(p.log.open() + 1)
	r.sim.lead(p, id, lost)
	text := fmt.Sprintf("partition %d is led by %d, and has lost %d", p.id, id, lost)
	for _, b := range r.sim.brokers {
		if r.rand.IntN(2) == 0 {
			r.sim.tell(b)
			text += fmt.Sprintf(", broker %d knows", b.id)
		}
	}
	return text
}

// living is a broker that is up, if there is one.
func (r *modelRun) living() int32 {
	first := r.rand.IntN(len(r.sim.brokers))
	for i := range r.sim.brokers {
		if b := r.sim.brokers[(first+i)%len(r.sim.brokers)]; b.up {
			return b.id
		}
	}
	return noLeader
}

func faultCut(r *modelRun) string {
	c := r.someConn()
	if c == nil {
		return ""
	}
	c.dieLocked(errSimReset)
	return fmt.Sprintf("%s is cut, %d requests may be read late", c, len(c.late))
}

// A broker closes a connection, which its client learns when it uses it.
func faultIdle(r *modelRun) string {
	c := r.someConn()
	if c == nil {
		return ""
	}
	c.eof = true
	return fmt.Sprintf("%s is closed by its broker", c)
}

func faultLeader(r *modelRun) string { return r.elect(r.somePartition(), r.living()) }

func faultNoLeader(r *modelRun) string { return r.elect(r.somePartition(), noLeader) }

func faultRestart(r *modelRun) string {
	b := r.someBroker()
	if !b.up {
		b.up = true
		if r.rand.IntN(3) == 0 { // somewhere else, but who has forgotten all finds it
			r.sim.aliases[b.addr] = b.id
			b.addr += "0"
		}
		r.sim.tell(b)
		return fmt.Sprintf("broker %d is back, at %s", b.id, b.addr)
	}
	r.sim.stop(b)
	text := fmt.Sprintf("broker %d stops", b.id)
	for _, p := range r.sim.partitions {
		if p.leader == b.id {
			next := noLeader
			if r.rand.IntN(2) == 0 {
				next = r.living()
			}
			text += "; " + r.elect(p, next)
		}
	}
	return text
}

func faultBefore(r *modelRun) string {
	errs := []sarama.KError{
		sarama.ErrNotEnoughReplicas, sarama.ErrNotEnoughReplicas, sarama.ErrLeaderNotAvailable, sarama.ErrUnknownTopicOrPartition,
		sarama.ErrNotLeaderForPartition, sarama.ErrKafkaStorageError, sarama.ErrUnknown, sarama.ErrInvalidMessage,
		sarama.ErrFencedLeaderEpoch, sarama.ErrNetworkException, sarama.ErrTopicAuthorizationFailed, sarama.ErrThrottlingQuotaExceeded,
	}
	p := r.somePartition()
	err := errs[r.rand.IntN(len(errs))]
	for range 1 + r.rand.IntN(3) {
		p.before = append(p.before, err)
	}
	return fmt.Sprintf("partition %d will not write, with errors %d", p.id, p.before)
}

func faultAfter(r *modelRun) string {
	errs := []sarama.KError{sarama.ErrRequestTimedOut, sarama.ErrNotEnoughReplicasAfterAppend, sarama.ErrUnknown, sarama.ErrKafkaStorageError}
	p := r.somePartition()
	err := errs[r.rand.IntN(len(errs))]
	for range 1 + r.rand.IntN(3) {
		p.after = append(p.after, err)
	}
	return fmt.Sprintf("partition %d will write, with errors %d", p.id, p.after)
}

func faultDenied(r *modelRun) string {
	p := r.somePartition()
	p.denied = !p.denied
	return fmt.Sprintf("partition %d is denied: %v", p.id, p.denied)
}

func faultHidden(r *modelRun) string {
	p := r.somePartition()
	p.hidden = !p.hidden
	return fmt.Sprintf("partition %d may not be read: %v", p.id, p.hidden)
}

func faultLimit(r *modelRun) string {
	s := r.sim
	if s.limit == r.mood.steady {
		s.limit = min(r.mood.steady, largestOrdinary+r.rand.IntN(2*largestOrdinary))
	} else {
		s.limit = r.mood.steady
	}
	return fmt.Sprintf("the topic's limit is %d", s.limit)
}

func faultRequest(r *modelRun) string {
	s := r.sim
	if s.request == 0 {
		s.request = 1 + r.rand.IntN(5*largestOrdinary)
	} else {
		s.request = 0
	}
	return fmt.Sprintf("connections are closed on requests above %d", s.request)
}

// faultCompression changes how well messages compress.
func faultCompression(r *modelRun) string {
	p := r.somePartition()
	p.compressed = 1 + r.rand.IntN(100)
	return fmt.Sprintf("messages of partition %d take %d %% of their size on the wire", p.id, p.compressed)
}

func faultStall(r *modelRun) string {
	b := r.someBroker()
	b.stalls = !b.stalls
	return fmt.Sprintf("broker %d stalls: %v", b.id, b.stalls)
}

func faultRefuse(r *modelRun) string {
	b := r.someBroker()
	b.refuses = !b.refuses
	return fmt.Sprintf("broker %d refuses connections: %v", b.id, b.refuses)
}

func faultProxy(r *modelRun) string {
	b := r.someBroker()
	b.proxy = !b.proxy
	return fmt.Sprintf("broker %d is behind a proxy that ends connections: %v", b.id, b.proxy)
}

func faultTrouble(r *modelRun) string {
	s := r.sim
	errs := []sarama.KError{sarama.ErrUnknownTopicOrPartition, sarama.ErrTopicAuthorizationFailed, sarama.ErrClusterAuthorizationFailed, sarama.ErrOffsetsLoadInProgress}
	if s.trouble != nil {
		s.trouble = nil
	} else {
		s.trouble = errs[r.rand.IntN(len(errs))]
	}
	return fmt.Sprintf("what is asked of brokers is answered with %v", s.trouble)
}

func faultThrottle(r *modelRun) string {
	if r.sim.throttle > 0 {
		r.sim.throttle = 0
	} else {
		r.sim.throttle = 1 + time.Duration(r.rand.Int64N(int64(500*time.Millisecond))) // no round number, see modelSetup
	}
	return fmt.Sprintf("answers throttle for %s", r.sim.throttle)
}

func faultGrow(r *modelRun) string {
	const most = 8
	s := r.sim
	n := int32(len(s.partitions)) //nolint:gosec // few
	if n == most {
		return ""
	}
	s.partitions = append(s.partitions, &simPartition{id: n, leader: r.living()})
	r.ledger.grow()
	return fmt.Sprintf("there is a partition %d", n)
}
