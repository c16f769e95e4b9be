package forwardertest

import (
	"slices"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/faultconn"
)

// answers holds the faults that change answers on their way to the client.
type answers struct {
	mu    sync.Mutex
	rules []*rule
}

type rule struct {
	request Request // anyRequest: all
	brokers []int   // none: all
	left    int     // negative: no end
	delay   time.Duration
	verdict faultconn.Verdict
	change  func(*faultconn.Answer) bool // reports whether it has; nil: nothing to change
	fault   *Fault
}

const anyRequest Request = -1

func (r *rule) matches(a *faultconn.Answer) bool {
	return r.left != 0 &&
		(r.request == anyRequest || r.request == Request(a.Request)) &&
		(len(r.brokers) == 0 || slices.Contains(r.brokers, a.Broker))
}

// decide is called for each answer before it is written.
func (s *answers) decide(a *faultconn.Answer) faultconn.Verdict {
	verdict, delay := s.apply(a)
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-a.Gone:
		}
	}
	return verdict
}

func (s *answers) apply(a *faultconn.Answer) (verdict faultconn.Verdict, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if verdict != faultconn.Pass && r.verdict != faultconn.Pass || !r.matches(a) {
			continue // an answer is lost once
		}
		if r.change != nil && !r.change(a) {
			continue
		}
		r.left = max(r.left-1, UntilStopped)
		r.fault.count(1)
		verdict, delay = max(verdict, r.verdict), delay+r.delay
	}
	return verdict, delay
}

func (s *answers) add(r *rule) *Fault {
	r.fault = newFault(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.rules = slices.DeleteFunc(s.rules, func(o *rule) bool { return o == r })
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, r)
	return r.fault
}

// LoseAnswers has brokers do what is asked of them and then reset the
// connection instead of answering, so many times: the client cannot know what
// became of its request. No brokers means all.
func (k *Kafka) LoseAnswers(r Request, times int, brokers ...int) *Fault {
	return k.remember(k.answers.add(&rule{request: r, left: times, verdict: faultconn.Lose, brokers: brokers}))
}

// WithholdAnswers has brokers do what is asked of them and then say nothing on
// that connection any more, so many times. The client finds out when it stops
// waiting. No brokers means all.
func (k *Kafka) WithholdAnswers(r Request, times int, brokers ...int) *Fault {
	return k.remember(k.answers.add(&rule{request: r, left: times, verdict: faultconn.Withhold, brokers: brokers}))
}

// SlowAnswers delays each answer by d. No brokers means all.
func (k *Kafka) SlowAnswers(d time.Duration, brokers ...int) *Fault {
	return k.remember(k.answers.add(&rule{request: anyRequest, left: UntilStopped, delay: d, brokers: brokers}))
}
