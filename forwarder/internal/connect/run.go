package connect

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// Run returns nil once the topic and all its leaders are reached, and an error at
// once when a broker refuses. Otherwise it tries until ctx ends, or for 30 seconds
// if ctx has no deadline. It writes nothing and leaves no connection.
func (p *Probe) Run(ctx context.Context) error { return p.RunAndTell(ctx, nil) }

// RunAndTell is Run, and calls tell when a second has passed without a result: once,
// on this goroutine, with what is known by then of the cause.
func (p *Probe) RunAndTell(ctx context.Context, tell func(cause error)) error {
	return singleLine(p.run(ctx, newLongWait(tell, p.calls)))
}

func (p *Probe) run(ctx context.Context, long *longWait) error {
	ctx, cancel := WithStartTimeout(ctx)
	defer cancel()
	cfg, err := p.firstConfig(ctx, long)
	if err != nil {
		return err
	}
	var last error // of the leaders
	closed := 0
	for round := 0; ; round++ {
		v, err := p.findTopic(ctx, cfg, true, long)
		if err == nil {
			if err = mostTelling(p.reachLeaders(ctx, cfg, v, true, long)); err == nil {
				return nil
			}
			err = mostTelling([]error{err, last}) // the end of the wait may have cut this round short
			last = err
		}
		long.last = err
		if errors.Is(err, classHungUp) {
			closed++
		} else {
			closed = 0
		}
		switch {
		case isRefusal(err), closed == maxHangUps:
			return err
		case hasEnded(ctx) || !pauseAfter(ctx, round):
			<-ctx.Done() // at once, if not already
			if unreached, ok := errors.AsType[*noServerError](err); ok && !unreached.tried && last != nil {
				err = last // from the round before, in which servers answered
			}
			return fmt.Errorf("%w (%w)", err, ctxwait.Err(ctx))
		}
	}
}

// firstConfig is Config, and tells of a function of the caller's that takes long to
// give credentials.
func (p *Probe) firstConfig(ctx context.Context, long *longWait) (cfg *sarama.Config, err error) {
	made := make(chan struct{})
	go func() {
		defer close(made)
		cfg, err = p.Config(ctx) // which ends with ctx
	}()
	select {
	case <-made:
	case <-long.due:
		long.tell(errSlowCredentials)
		<-made
	}
	return cfg, err
}

// reachLeaders connects to the leaders in v, all at once, and returns an error or
// nil for each. If hasty, a refusal by one ends the attempts at the others.
func (p *Probe) reachLeaders(ctx context.Context, cfg *sarama.Config, v topicView, hasty bool, long *longWait) []error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(v.leaders))
	var reaching sync.WaitGroup
	for i, l := range v.leaders {
		if l.addr == v.server {
			continue // the one that showed the topic
		}
		reaching.Go(func() {
			err := p.connectAndAsk(ctx, cfg, l.addr, nil)
			if err == nil {
				return
			}
			errs[i] = explainAdvertised(v.server, l, err)
			if hasty && isRefusal(err) {
				cancel()
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		reaching.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-long.due:
		long.tellOfLeaders(v)
		<-ended
	}
	return errs
}

// explainAdvertised says why broker l, which server advertises, is of no use.
func explainAdvertised(server string, l leadingBroker, err error) error {
	if isRefusal(err) {
		return fmt.Errorf("%s, at %s as %s advertises it: %w", l, shown(l.addr), shown(server), err)
	}
	return advisef("%s advertises %s, at %s, which cannot be reached: is it running? If it is, "+
		"correct its advertised.listeners, or let this host connect to it: %w", shown(server), l, shown(l.addr), err)
}
