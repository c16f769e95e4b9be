package judge

import (
	"context"
	"math/rand/v2"
	"time"
)

// How long a process lives before it is killed.
const (
	soonestKill = 300 * time.Millisecond // after it was ready
	latestKill  = 3 * time.Second        // after it was ready
	earlyOneIn  = 3                      // one kill in so many may come during recovery:
	earlyKill   = 500 * time.Millisecond // at most so long after the start
)

// kills are those of the process under test by a goroutine of their own.
type kills struct {
	failed chan error // gets why the process cannot be killed any more
	cancel context.CancelFunc
	done   chan struct{} // closed when the process lives on
}

// beginKills kills the process again and again, each time by calling once, until stop
// is called. If once is nil, the process is not killed.
func beginKills(ctx context.Context, once func(context.Context) error) *kills {
	k := &kills{failed: make(chan error, 1), done: make(chan struct{})}
	ctx, k.cancel = context.WithCancel(ctx)
	if once == nil {
		close(k.done)
		return k
	}
	go func() {
		defer close(k.done)
		for ctx.Err() == nil {
			if err := once(ctx); err != nil && ctx.Err() == nil {
				k.failed <- err
				return
			}
		}
	}()
	return k
}

func (k *kills) stop() {
	k.cancel()
	<-k.done
}

// untilKill draws how long a process lives. ready: that counts from when it is ready,
// and not from its start. Short lives are more frequent than long ones.
func untilKill(r *rand.Rand) (life time.Duration, ready bool) {
	share := r.Float64()
	if r.IntN(earlyOneIn) == 0 {
		return time.Duration(share * float64(earlyKill)), false
	}
	return soonestKill + time.Duration(share*share*float64(latestKill-soonestKill)), true
}
