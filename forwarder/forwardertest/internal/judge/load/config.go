package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/internal/timestamp"
	"github.com/eventferry/eventferry/settings"
)

// A Config is what the process under test is told on its standard input.
type Config struct {
	Params
	Candidate
	Rate     float64         // batches a second, of all owners
	Settings json.RawMessage // with a password_file
	Dial     map[string]string
	Begun    time.Time
	NextID   uint32
	Numbers  []uint32 // the last number of each owner, in former lives
	Spool    Spool
	// Unanswered are batches that former lives have posted to a door on a spool, without
	// an answer: they are posted again first.
	Unanswered []Batch
}

// doorOnSpool reports whether 2xx means stored.
func (c *Config) doorOnSpool() bool { return c.Door != NoDoor && c.Spool.Dir != "" }

// Finish is the line on standard input that ends the load: what is under way is
// brought to its end, then each owner forwards one more batch.
const Finish = "finish"

// Clock begins the line on standard input that sets the forwarder's clock ahead: a
// duration follows.
const Clock = "clock "

// Hold is the line on standard input after which a door on a spool stores and gives no
// more answers. The process is killed then.
const Hold = "hold"

// Marks in the history.
const (
	MarkReady = "ready" // connected
	MarkQuiet = "quiet" // nothing is under way any more
	MarkFresh = "fresh" // each owner has forwarded one more batch
	MarkHeld  = "held"  // a door has stored a batch after Hold, and does not answer
	MarkDoubt = "doubt" // told by the observer; values: partition, messages
	MarkEnd   = "end"   // closed; values: goroutines, open files and heap bytes before, then after
)

// connect makes the subject. A service whose start fails is started again, and
// so is this one while faults are on.
func (w *workload) connect(ctx context.Context) (subject, error) {
	s, err := settings.Parse(w.cfg.Settings)
	if err != nil {
		return nil, err
	}
	w.topic = s.TopicName
	if w.cfg.Defect != None && w.cfg.Spool.Dir == "" && !w.cfg.Defect.ofDoor() && !w.cfg.Defect.ofRoutes() {
		return newBroken(s, w)
	}
	opts := []forwarder.Option{
		forwarder.WithObserver(forwarder.Observer{Done: w.done, Settled: w.settled, Doubted: w.doubted}),
		forwarder.WithLogger(w.log),
		forwarder.WithDialer(w.dial),
	}
	if w.cfg.Producer == Sarama {
		opts = append(opts, forwarder.WithSaramaProducer())
	}
	if w.cfg.Spool.Dir != "" {
		return w.connectSpool(ctx, s, opts)
	}
	deadline := time.Now().Add(startTimeout)
	for {
		start, cancel := context.WithTimeout(timestamp.NewContext(ctx, w.now), startAttempt)
		f, err := w.cfg.open(start, s, w.cfg.Defect, opts)
		cancel()
		if err == nil && w.cfg.Defect == AnswersEarly {
			return w.throughDoor(earlyAnswer{f})
		}
		if err == nil && w.cfg.Door != NoDoor {
			return w.throughDoor(f)
		}
		if err == nil {
			return w.cfg.routed(f, w.cfg.Defect), nil
		}
		w.log.Warn("starting failed", "error", err)
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("starting failed for %s: %w", startTimeout, err)
		}
		select {
		case <-time.After(startPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

const (
	startTimeout = 100 * time.Second
	startAttempt = 20 * time.Second
	startPause   = 250 * time.Millisecond
)

// dial goes through the judge's proxies.
func (w *workload) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if proxy, ok := w.cfg.Dial[addr]; ok {
		addr = proxy
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}
