package engine

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/staggered"
)

// An inquiry asks brokers, any of which may answer. It keeps the connection to
// the last one that did; when that says nothing, others are asked beside it.
type inquiry struct {
	engine  *Engine
	servers []string // to begin with
	chance  *rand.Rand
	conn    conn // nil while there is none
	addr    string
	begun   sync.WaitGroup // attempts that have not ended
}

// A reply is what a broker has answered.
type reply[T any] struct {
	value T
	conn  conn
	addr  string
}

// put asks until somebody answers, each server once.
func put[T any](q *inquiry, question func(conn) (T, error)) (T, error) {
	ctx, cancel := context.WithCancel(q.engine.ctx)
	defer cancel()
	addrs := q.addrs()
	open := q.conn
	q.conn = nil
	answer, err := staggered.First(&q.begun, len(addrs), func(i int) (reply[T], error) {
		c := open
		if i > 0 || c == nil {
			var err error
			if c, err = q.engine.network.connect(ctx, addrs[i]); err != nil {
				return reply[T]{}, err
			}
		}
		stop := context.AfterFunc(ctx, c.abort)
		v, err := question(c)
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			c.abort()
			c.close()
			return reply[T]{}, err
		}
		return reply[T]{v, c, addrs[i]}, nil
	}, func(late reply[T]) {
		late.conn.abort()
		late.conn.close()
	})
	q.conn, q.addr = answer.conn, answer.addr
	return answer.value, err
}

// addrs are whom to ask, first the one that there is a connection to.
func (q *inquiry) addrs() []string {
	e := q.engine
	e.mu.Lock()
	var known []string
	for _, addr := range e.brokers {
		known = append(known, addr)
	}
	e.mu.Unlock()
	slices.Sort(known) // the order of a map is no matter of chance that can be repeated
	q.chance.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
	list := distinct(slices.Concat(known, q.servers))
	if q.conn != nil {
		list = slices.Insert(list, 0, q.addr) // twice, since the connection may have been closed
	}
	return list
}

func distinct(list []string) []string {
	var kept []string
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// drop closes the connection.
func (q *inquiry) drop() {
	if q.conn != nil {
		q.conn.abort()
		q.conn.close()
		q.conn = nil
	}
}

// end waits until nothing runs.
func (q *inquiry) end() {
	q.drop()
	q.begun.Wait()
}

// sleep reports false when the engine was closed meanwhile.
func (e *Engine) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.ctx.Done():
		return false
	}
}
