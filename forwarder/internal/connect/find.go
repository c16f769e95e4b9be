package connect

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
)

// An attempt is the result of asking one server once.
type attempt struct {
	server int
	view   topicView
	err    error
	took   time.Duration
}

// findTopic asks all servers for the topic and takes the first good answer. They
// are asked side by side, so that dead ones cost little. A refusal stands
// unless another server contradicts it soon. Otherwise findTopic goes on until
// ctx ends, or, if it is not patient, until each server was asked once.
func (p *Probe) findTopic(ctx context.Context, cfg *sarama.Config, patient bool, long *longWait) (topicView, error) {
	ctx, cancel := context.WithCancel(ctx)
	attempts := make(chan attempt)
	var asking sync.WaitGroup
	for i := range p.servers {
		asking.Go(func() { p.askRepeatedly(ctx, cfg, i, patient, attempts) })
	}
	go func() {
		asking.Wait()
		close(attempts)
	}()
	defer func() {
		cancel()
		for range attempts {
			continue // until all have stopped
		}
	}()

	unreached := &noServerError{servers: p.servers, failures: make([]error, len(p.servers))}
	var refusal error
	var stands <-chan time.Time
	for {
		select {
		case a, more := <-attempts:
			switch {
			case !more && refusal != nil:
				return topicView{}, refusal
			case !more:
				return topicView{}, unreached
			case a.err == nil:
				return a.view, nil
			case isRefusal(a.err) && refusal == nil:
				refusal, stands = a.err, time.After(confirmation(a.err, a.took))
			}
			unreached.add(a, hasEnded(ctx))
		case <-stands:
			return topicView{}, refusal
		case <-long.due:
			long.tellOf(unreached)
		}
	}
}

// confirmation returns how long another server may contradict a refusal that took so
// long. A topic that was created just now is not yet known to all brokers. A refusal that
// takes long shows that the network or this host is slow: a server that accepts has
// more to say, and takes longer.
func confirmation(refusal error, took time.Duration) time.Duration {
	least := refusalConfirmation
	if isMissingTopic(refusal) {
		least = topicConfirmation
	}
	return max(least, slowConfirmation*took)
}

func isMissingTopic(err error) bool { return errors.Is(err, sarama.ErrUnknownTopicOrPartition) }

// askRepeatedly asks one server until it has answered or ctx ends. If it has no
// such topic, the brokers that it knows are asked in turn.
func (p *Probe) askRepeatedly(ctx context.Context, cfg *sarama.Config, server int, patient bool, attempts chan<- attempt) {
	if server > 0 && !ctxwait.Sleep(ctx, min(time.Duration(server)*serverStagger, 5*serverStagger)) {
		return
	}
	closed := 0
	known := []string{p.servers[server]}
	for round := 0; ; round++ {
		began := time.Now()
		v, err := p.askForTopic(ctx, cfg, known[round%len(known)])
		took, missing := time.Since(began), isMissingTopic(err)
		if missing && len(known) == 1 {
			known = append(known, slices.DeleteFunc(v.brokers, func(addr string) bool { return addr == known[0] })...)
		}
		if closed++; !errors.Is(err, classHungUp) {
			closed = 0
		}
		if closed == maxHangUps {
			err = &classedError{classRefused, err}
		}
		attempts <- attempt{server, v, err, took}
		if err == nil || isRefusal(err) && !missing || !patient || !pauseAfter(ctx, round) {
			return
		}
	}
}

// A noServerError says that no bootstrap server showed the topic. A server that
// at least answered says more than all the others.
type noServerError struct {
	servers  []string
	failures []error // one for each server; nil: not asked
	tried    bool    // an attempt failed, not only for want of time
}

// add notes how an attempt failed. A failure before the end of ctx says more than
// a late one.
func (e *noServerError) add(a attempt, late bool) {
	if e.failures[a.server] == nil || !late {
		e.failures[a.server] = a.err
	}
	e.tried = e.tried || !late
}

func (e *noServerError) Error() string {
	list, notReady := e.list()
	if notReady != nil {
		return notReady.Error()
	}
	return noServer + ": " + noServerAdvice + ": " + strings.Join(list, "; ")
}

const (
	noServer       = "no broker could be reached"
	noServerAdvice = "check bootstrap_servers and the network"
)

func (e *noServerError) split() (found, advice string) {
	list, notReady := e.list()
	if notReady != nil {
		return notReady.Error(), ""
	}
	return noServer + ": " + strings.Join(list, "; "), noServerAdvice
}

// list returns the servers' failures, or only that of one that has answered.
func (e *noServerError) list() (list []string, notReady error) {
	said := map[string]int{} // what is in list, without the server's name
	for server, err := range e.failures {
		if err == nil {
			continue
		}
		if errors.Is(err, classNotReady) {
			return nil, err
		}
		text, name := err.Error(), shown(e.servers[server])
		same := strings.ReplaceAll(text, name, "")
		if first, ok := said[same]; ok {
			list[first] += ", " + name + " alike"
			continue
		}
		said[same] = len(list)
		list = append(list, text)
	}
	return list, nil
}

func (e *noServerError) Unwrap() []error {
	var list []error
	for _, err := range e.failures {
		if err != nil {
			list = append(list, err)
		}
	}
	return list
}
