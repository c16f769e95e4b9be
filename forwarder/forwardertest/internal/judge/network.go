package judge

import (
	"context"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
)

// The faults of the network, which are those of every level.

// whenBusy waits a little for a moment at which a request is in flight: what is
// cut then is an answer, not silence.
func whenBusy(ctx context.Context, ps []*proxy.Proxy) {
	const patience, step = 150, time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	for range patience {
		for _, p := range ps {
			if p.Busy() > 0 {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func cut(name string, ps ...*proxy.Proxy) fault {
	return fault{name, 0, func(ctx context.Context) (effect, error) {
		whenBusy(ctx, ps)
		n := 0
		for _, p := range ps {
			n += p.Cut()
		}
		return effect{hits: func() int { return n }, inFlight: true}, nil
	}}
}

func hold(name string, lasts time.Duration, ps ...*proxy.Proxy) fault {
	return fault{name, lasts, func(context.Context) (effect, error) {
		hits := since(hitsOf(ps))
		var release []func()
		for _, p := range ps {
			release = append(release, p.Hold())
		}
		return effect{hits: hits, heal: func(context.Context) error {
			for _, r := range release {
				r()
			}
			return nil
		}}, nil
	}}
}

// swallow has answers disappear and then cuts: what makes duplicates of a
// client that sends again without numbers.
func swallow(lasts time.Duration, ps ...*proxy.Proxy) fault {
	return fault{"answers swallowed, then cut", lasts, func(context.Context) (effect, error) {
		hits := since(hitsOf(ps))
		swallowed := 0
		for _, p := range ps {
			p.Swallow(true)
		}
		return effect{hits: func() int { return swallowed }, heal: func(context.Context) error {
			swallowed = hits()
			for _, p := range ps {
				p.Cut()
				p.Swallow(false)
				p.Cut() // what began in between has lost something, too
			}
			return nil
		}}, nil
	}}
}

func slow(name string, lasts, delay time.Duration, bytesPerSecond int, ps ...*proxy.Proxy) fault {
	return fault{name, lasts, func(context.Context) (effect, error) {
		hits := since(hitsOf(ps))
		for _, p := range ps {
			p.Slow(delay, bytesPerSecond)
		}
		return effect{hits: hits, heal: func(context.Context) error {
			for _, p := range ps {
				p.Slow(0, 0)
			}
			return nil
		}}, nil
	}}
}

func down(name string, lasts time.Duration, ps ...*proxy.Proxy) fault {
	return fault{name, lasts, func(ctx context.Context) (effect, error) {
		whenBusy(ctx, ps)
		n := 0
		for _, p := range ps {
			n += p.Down()
		}
		return effect{hits: func() int { return n }, inFlight: true, heal: func(context.Context) error {
			for _, p := range ps {
				if err := p.Up(); err != nil {
					return err
				}
			}
			return nil
		}}, nil
	}}
}

func hitsOf(ps []*proxy.Proxy) func() int {
	return func() int {
		n := 0
		for _, p := range ps {
			n += p.Hits()
		}
		return n
	}
}
