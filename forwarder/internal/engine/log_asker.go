package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// A logAsker asks leaders what is in the logs of their partitions, each question on
// a connection of its own: a produce connection is kept for messages.
type logAsker struct {
	ctx     context.Context // ends at Close
	network brokerNetwork
	running *sync.WaitGroup

	underWay int // questions; guarded by the lock of the brokers
}

const (
	// maxLogQueryTime bounds a question with all its attempts. The messages of its
	// partition wait for it.
	maxLogQueryTime = 10 * time.Second

	// maxLogQueries is how many questions may be under way. Each has a connection, and
	// memory for an answer.
	maxLogQueries = 16
)

// A logQuestion is a query and who wants to know. Its functions are called without
// a lock.
type logQuestion struct {
	query    logQuery
	patience time.Duration

	// leader returns the leader's address, "" while there is none, and how long to
	// wait before it is asked after so many failures.
	leader func(failures int) (addr string, pause time.Duration)

	// answered is called once.
	answered func(logAnswer, error)
}

// beginLocked asks q on a goroutine of its own. It reports false if there are too
// many questions under way. The brokers must not be closed.
func (a *logAsker) beginLocked(q logQuestion) bool {
	if a.underWay >= maxLogQueries {
		return false
	}
	a.underWay++
	a.running.Go(func() { a.ask(&q) })
	return true
}

func (a *logAsker) endedLocked() { a.underWay-- }

// ask asks until the leader answers. It goes on when the leader has moved, or the
// connection is lost. Any other refusal stays as it is.
func (a *logAsker) ask(q *logQuestion) {
	ctx, cancel := context.WithTimeout(a.ctx, q.patience)
	defer cancel()
	for failures := 0; ctx.Err() == nil; failures++ {
		addr, pause := q.leader(failures)
		if !ctxwait.Sleep(ctx, pause) {
			break
		}
		if addr == "" {
			continue
		}
		answer, err := a.askOnce(ctx, addr, &q.query)
		if err == nil || !passesSoon(err) {
			q.answered(answer, err)
			return
		}
	}
	q.answered(logAnswer{}, ctxwait.Err(ctx))
}

func (a *logAsker) askOnce(ctx context.Context, addr string, q *logQuery) (logAnswer, error) {
	c, err := a.network.connect(ctx, addr)
	if err != nil {
		return logAnswer{}, err
	}
	stop := context.AfterFunc(ctx, c.abort)
	answer, err := c.written(q)
	stop()
	c.abort() // an orderly close can take long, and says nothing
	c.close()
	return answer, err
}

// passesSoon reports whether a question that has failed so is worth another attempt.
func passesSoon(err error) bool {
	if code, ok := errors.AsType[sarama.KError](err); ok {
		return verdictFor(code) == retryOtherLeader
	}
	_, unreadable := errors.AsType[sarama.PacketDecodingError](err)
	return !unreadable && !errors.Is(err, errOddLogAnswer)
}

// errOddLogAnswer refuses an answer that no broker should give.
var errOddLogAnswer = errors.New("an answer about a partition's log that cannot be true")
