package forwarder

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// An answer is what one attempt at one server came to.
type answer struct {
	server int
	view   view
	err    error
}

// find asks all servers for the topic and takes the first good answer. They
// are asked side by side, so that dead ones cost little. A refusal stands
// unless another server contradicts it soon. A patient find otherwise goes on
// until ctx ends; one that is not gives up when each has been asked once.
func (p *probe) find(ctx context.Context, cfg *sarama.Config, patient bool) (view, error) {
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan answer)
	var asking sync.WaitGroup
	for i := range p.servers {
		asking.Go(func() { p.pester(ctx, cfg, i, patient, answers) })
	}
	go func() {
		asking.Wait()
		close(answers)
	}()
	defer func() {
		cancel()
		for range answers {
			continue // until all have stopped
		}
	}()

	unreached := &unreachedError{failures: make([]error, len(p.servers))}
	var refusal error
	var stands <-chan time.Time
	for {
		select {
		case a, more := <-answers:
			switch {
			case !more && refusal != nil:
				return view{}, refusal
			case !more:
				return view{}, unreached
			case a.err == nil:
				return a.view, nil
			case isRefusal(a.err) && refusal == nil:
				refusal, stands = a.err, time.After(secondOpinion)
			}
			unreached.add(a, over(ctx))
		case <-stands:
			return view{}, refusal
		}
	}
}

// pester asks one server until it has answered or ctx ends.
func (p *probe) pester(ctx context.Context, cfg *sarama.Config, server int, patient bool, answers chan<- answer) {
	if server > 0 && !sleep(ctx, min(time.Duration(server)*stagger, 5*stagger)) {
		return
	}
	closed := 0
	for round := 0; ; round++ {
		v, err := p.show(ctx, cfg, p.servers[server])
		var hangUp *hangUpError
		if closed++; !errors.As(err, &hangUp) {
			closed = 0
		}
		if closed == hangUps {
			err = &refusalError{err}
		}
		answers <- answer{server, v, err}
		if err == nil || isRefusal(err) || !patient || !pauseAfter(ctx, round) {
			return
		}
	}
}

// An unreachedError is that no bootstrap server showed the topic. One that at
// least answered says more than all the others.
type unreachedError struct {
	failures []error // one for each server; nil: not asked
	tried    bool    // an attempt failed, not only for want of time
}

// add notes how an attempt failed. What came before time was over says more.
func (e *unreachedError) add(a answer, late bool) {
	if e.failures[a.server] == nil || !late {
		e.failures[a.server] = a.err
	}
	e.tried = e.tried || !late
}

func (e *unreachedError) Error() string {
	var list []string
	for _, err := range e.Unwrap() {
		if _, answered := errors.AsType[*unreadyError](err); answered {
			return err.Error()
		}
		list = append(list, err.Error())
	}
	return "no broker could be reached: check bootstrap_servers and the network: " + strings.Join(list, "; ")
}

func (e *unreachedError) Unwrap() []error {
	var list []error
	for _, err := range e.failures {
		if err != nil {
			list = append(list, err)
		}
	}
	return list
}
