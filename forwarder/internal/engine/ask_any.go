package engine

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/happyeyeballs"
)

// An anyBroker asks questions that every broker can answer. It keeps the
// connection to the broker that answered last. When that one does not answer,
// others are asked beside it.
type anyBroker struct {
	ctx      context.Context // ends at Close
	network  brokerNetwork
	servers  []string        // bootstrap servers
	known    func() []string // addresses of the brokers that are known
	rand     *rand.Rand
	conn     brokerConn // nil while there is none
	addr     string
	avoid    string         // the address to ask last
	maxAge   time.Duration  // of conn; 0: any
	renewAt  time.Time      // when conn is to be replaced by a newer one
	attempts sync.WaitGroup // that have not ended
}

// A brokerAnswer is an answer and the connection that it came on.
type brokerAnswer[T any] struct {
	value T
	conn  brokerConn
	addr  string
}

// askAny asks until a broker answers, each address once.
func askAny[T any](a *anyBroker, question func(brokerConn) (T, error)) (T, error) {
	a.awaitThrottle()
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	addrs := a.addrs()
	open := a.conn
	a.conn = nil
	answer, err := happyeyeballs.First(&a.attempts, len(addrs), func(i int) (brokerAnswer[T], error) {
		c := open
		if i > 0 || c == nil {
			var err error
			if c, err = a.network.connect(ctx, addrs[i]); err != nil {
				return brokerAnswer[T]{}, err
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
			return brokerAnswer[T]{}, err
		}
		return brokerAnswer[T]{v, c, addrs[i]}, nil
	}, func(late brokerAnswer[T]) {
		late.conn.abort()
		late.conn.close()
	})
	if a.conn, a.addr = answer.conn, answer.addr; a.conn != open {
		a.renewAt = renewAt(time.Now(), a.maxAge, a.rand)
	}
	return answer.value, err
}

// maxThrottleWait bounds the wait for a connection that is throttled. A new one is
// throttled, too, but answers first.
const maxThrottleWait = time.Second

// awaitThrottle waits until the broker's quota permits another question. Sarama
// would wait as well, but could not be interrupted.
func (a *anyBroker) awaitThrottle() {
	if a.conn == nil {
		return
	}
	throttled := a.conn.throttledFor()
	if throttled > 0 {
		ctxwait.Sleep(a.ctx, min(throttled, maxThrottleWait))
	}
	if throttled > maxThrottleWait {
		a.disconnect()
	}
}

// askOthers makes the next question go to another broker than the last one, if
// there is any.
func (a *anyBroker) askOthers() {
	if a.conn != nil {
		a.avoid = a.addr
		a.disconnect()
	}
}

// addrs returns the addresses to ask, that of the open connection first.
func (a *anyBroker) addrs() []string {
	known := a.known()
	slices.Sort(known) // map order is not reproducible from the seed
	a.rand.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
	list := withoutRepeats(slices.Concat(known, a.servers))
	if i := slices.Index(list, a.avoid); i >= 0 {
		list = append(slices.Delete(list, i, i+1), a.avoid)
	}
	if a.conn != nil {
		list = slices.Insert(list, 0, a.addr) // twice, since the connection may have been closed
	}
	return list
}

// renewIfDue replaces the connection by a newer one if it has become old. It gives up
// when ctx ends. It returns why a newer one was refused: then the old one stays.
func (a *anyBroker) renewIfDue(ctx context.Context) error {
	if a.maxAge <= 0 || a.conn == nil || time.Now().Before(a.renewAt) {
		return nil
	}
	c, err := a.network.connect(ctx, a.addr)
	switch {
	case err == nil:
		a.disconnect()
		a.conn, a.renewAt = c, renewAt(time.Now(), a.maxAge, a.rand)
		return nil
	case ctx.Err() != nil:
		return nil //nolint:nilerr // it was not refused, but interrupted
	default: // the next question, some minutes later, tries again
		return err
	}
}

func withoutRepeats(list []string) []string {
	var kept []string
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// disconnect closes the connection.
func (a *anyBroker) disconnect() {
	if a.conn != nil {
		a.conn.abort()
		a.conn.close()
		a.conn = nil
	}
}

// close waits until nothing runs.
func (a *anyBroker) close() {
	a.disconnect()
	a.attempts.Wait()
}
