package engine

import (
	"fmt"
	"slices"
	"time"
)

// ids gets producer ids, one for each partition that has anything to send.
type ids struct {
	engine *Engine
	clerks []*clerk

	// Under the engine's lock:

	wanting []*queue
	failure error // of the last attempt
}

// A clerk asks for one id after the other, on a connection of its own.
type clerk struct {
	*ids
	inquiry inquiry
	kick    chan struct{}
	from    int // how many must want an id before this one helps
}

const (
	clerks       = 8
	perClerk     = 8                // so many more partitions call for another one
	keepAsking   = 10 * time.Second // the connection stays open for the next partition
	betweenTries = firstPause
)

func newIDs(e *Engine, servers []string) *ids {
	s := &ids{engine: e}
	for i := range clerks {
		s.clerks = append(s.clerks, &clerk{
			ids:     s,
			inquiry: inquiry{engine: e, servers: servers, chance: e.chance(chanceIDs + uint64(i))}, //nolint:gosec // not negative
			kick:    make(chan struct{}, 1),
			from:    i*perClerk + 1,
		})
	}
	return s
}

// wantLocked asks for an id for q.
func (s *ids) wantLocked(q *queue) {
	if q.producer.wanted {
		return
	}
	q.producer.wanted = true
	s.wanting = append(s.wanting, q)
	s.tellLocked()
}

// tellLocked calls as many clerks as there is work for.
func (s *ids) tellLocked() {
	for _, c := range s.clerks {
		if len(s.wanting) >= c.from {
			select {
			case c.kick <- struct{}{}:
			default: // it has been told already
			}
		}
	}
}

func (c *clerk) run() {
	defer c.inquiry.end()
	e := c.engine
	for failures := 0; e.ctx.Err() == nil; {
		q := c.next()
		if q == nil {
			if !c.rest() {
				return
			}
			continue
		}
		if err := c.get(q); err == nil {
			failures = 0
			continue
		}
		failures++
		if !e.sleep(max(pause(failures, c.inquiry.chance), betweenTries)) {
			return
		}
	}
}

// next takes the partition that has waited longest, if this clerk is needed.
func (c *clerk) next() *queue {
	c.engine.mu.Lock()
	defer c.engine.mu.Unlock()
	if len(c.wanting) < c.from {
		return nil
	}
	q := c.wanting[0]
	c.wanting = slices.Delete(c.wanting, 0, 1)
	return q
}

// rest waits until an id is wanted.
func (c *clerk) rest() bool {
	t := time.NewTimer(keepAsking)
	defer t.Stop()
	for {
		select {
		case <-c.kick:
			return true
		case <-t.C:
			c.inquiry.drop()
		case <-c.engine.ctx.Done():
			return false
		}
	}
}

// get asks for an id for q.
func (c *clerk) get(q *queue) error {
	id, err := put(&c.inquiry, conn.producerID)
	if err != nil {
		err = fmt.Errorf("getting a producer id: %w", err)
	}
	e := c.engine
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil || len(c.wanting) == 0 { // one's success says nothing of what another has met
		c.failure = err
	}
	if err != nil {
		c.wanting = slices.Insert(c.wanting, 0, q)
		c.tellLocked() // this one may not be needed any more
		return err
	}
	q.producer.id, q.producer.wanted = id, false
	e.listLocked(q, now)
	return nil
}
