package contender

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// ballast stands for what a service keeps in memory: in an empty process the
// garbage collector runs far more often than in a real one.
const ballast = 100 << 20

// Run does a job in this process, which should do no other.
func Run(ctx context.Context, j peer.Job) (peer.Report, error) {
	weight := make([]byte, ballast)
	defer runtime.KeepAlive(weight)
	items, err := work.Load(j.Pool)
	if err != nil {
		return peer.Report{}, err
	}
	if len(items) < j.Callers*j.Group {
		return peer.Report{}, fmt.Errorf("contender: %d messages for %d callers with %d each", len(items), j.Callers, j.Group)
	}
	c, err := open(ctx, j, items)
	if err != nil {
		return peer.Report{}, err
	}
	defer c.close()
	debug.FreeOSMemory()
	forgetPeak()

	l := &load{contender: c, stop: make(chan struct{})}
	var callers sync.WaitGroup
	if j.Pipe {
		callers.Go(func() { l.pipeline(items[:j.Callers*j.Group]) })
	} else {
		l.times = make([][]time.Duration, j.Callers)
		share := len(items) / j.Callers / j.Group * j.Group
		for i := range j.Callers {
			mine := items[i*share : (i+1)*share]
			callers.Go(func() { l.call(i, mine, j.Group) })
		}
	}
	l.awaitFirst()
	l.warmUp(j.WarmMillis)
	before := l.mark()
	l.measuring.Store(true)
	var profile *os.File
	if j.Profile != "" {
		if profile, err = os.Create(j.Profile); err != nil {
			return peer.Report{}, fmt.Errorf("contender: %w", err)
		}
		if err := pprof.StartCPUProfile(profile); err != nil {
			return peer.Report{}, fmt.Errorf("contender: %w", err)
		}
	}
	l.sleep(j.MeasureMillis)
	waves := int64(peer.Waves * j.Callers * j.Group)
	for waited := j.MeasureMillis; l.sent.Load()-before.sent < waves && waited < peer.MaxMeasureMillis; waited += pollMillis {
		l.sleep(pollMillis)
	}
	l.measuring.Store(false)
	after := l.mark()
	if profile != nil {
		pprof.StopCPUProfile()
		if err := profile.Close(); err != nil {
			return peer.Report{}, fmt.Errorf("contender: %w", err)
		}
	}
	close(l.stop)
	callers.Wait()
	if err := l.failed(); err != nil {
		return peer.Report{}, err
	}
	return l.report(before, after)
}

// pollMillis is the time between two looks at the count of acknowledgements.
const pollMillis = 5

// awaitFirst waits for the first acknowledgement, since the time to connect is
// not measured.
func (l *load) awaitFirst() {
	const maxMillis = 20_000
	for waited := 0; l.sent.Load() == 0 && l.failed() == nil && waited < maxMillis; waited += pollMillis {
		l.sleep(pollMillis)
	}
}

func (l *load) sleep(millis int) {
	select {
	case <-time.After(time.Duration(millis) * time.Millisecond):
	case <-l.broken():
	}
}
