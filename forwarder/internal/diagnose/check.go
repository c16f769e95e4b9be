// Package diagnose walks every step between settings and a topic, and reports each:
// what was found, and what to do.
package diagnose

import (
	"context"
	"errors"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
)

// A Status says how a check ended.
type Status int8

// The statuses, from good to bad; Skipped is none of these.
const (
	OK Status = iota
	Warning
	Failed
	Skipped
)

// A Check is one step that was looked at, or could not be.
type Check struct {
	Step   string
	Target string // of the step: a server, a setting; "" if there is but one
	Status Status
	Took   time.Duration
	Found  string // one line
	Do     string // one line; "": nothing
	Err    error  // of a check that failed
}

// The steps, in order.
const (
	stepSettings     = "settings"
	stepCredentials  = "credentials"
	stepResolve      = "resolve"
	stepDial         = "connect"
	stepTLS          = "tls"
	stepAuthenticate = "authenticate"
	stepVersions     = "versions"
	stepBootstrap    = "bootstrap"
	stepCluster      = "cluster"
	stepBroker       = "broker"
	stepTopic        = "topic"
	stepRights       = "rights"
	stepProducerID   = "producer id"
	stepTopicConfig  = "topic config"
	stepBrokerConfig = "broker config"
	stepClock        = "clock"
	stepSpool        = "spool"
)

// A finding is what a check has found, before it is known how long it took.
type finding struct {
	status    Status
	found, do string
	err       error
}

func fine(found string) finding        { return finding{status: OK, found: found} }
func warn(found, do string) finding    { return finding{status: Warning, found: found, do: do} }
func leftOut(found, do string) finding { return finding{status: Skipped, found: found, do: do} }
func wrong(found, do string) finding {
	return finding{Failed, found, do, errors.New(found + ": " + do)}
}

// failedFor is the finding of an error, which says what to do itself unless do does.
func failedFor(err error, do string) finding { return finding{status: Failed, do: do, err: err} }

// A sequence is checks that follow each other, some of which need others.
type sequence struct {
	checks  []Check
	unknown map[string]string // why steps have no result, by step
}

// run makes a check, unless one that it needs has failed or was skipped, or ctx has
// ended.
func (s *sequence) run(ctx context.Context, step, target string, needs []string, look func() finding) {
	f, missing := s.missing(ctx, needs)
	took := time.Duration(0)
	if !missing {
		start := time.Now()
		f = look()
		took = time.Since(start)
		if f.status == Failed && errors.Is(ctx.Err(), context.Canceled) && connect.Silent(f.err) {
			f = leftOut(ended(ctx), "")
		}
	}
	s.add(step, target, f)
	s.checks[len(s.checks)-1].Took = took
	if missing {
		s.without(step, s.firstUnknown(needs, ended(ctx)))
	}
}

// add adds a check that was made.
func (s *sequence) add(step, target string, f finding) {
	c := Check{Step: step, Target: connect.Line(target), Status: f.status, Found: f.found, Do: f.do, Err: f.err}
	if f.err != nil && f.found == "" {
		var advice string
		c.Found, advice = connect.Split(f.err)
		if advice != "" {
			c.Do = advice
		}
	}
	s.checks = append(s.checks, c)
	switch {
	case c.Status == Failed:
		s.without(step, needed(step, c.Target))
	}
}

// needed says why what needs a check that has failed is skipped.
func needed(step, target string) string {
	if target != "" {
		step += " " + target
	}
	return "needs " + step + ", which failed"
}

// without notes that a step has no result, and why.
func (s *sequence) without(step, why string) {
	if s.unknown == nil {
		s.unknown = map[string]string{}
	}
	s.unknown[step] = why
}

func (s *sequence) firstUnknown(needs []string, otherwise string) string {
	for _, step := range needs {
		if why := s.unknown[step]; why != "" {
			return why
		}
	}
	return otherwise
}

func (s *sequence) missing(ctx context.Context, needs []string) (finding, bool) {
	if why := s.firstUnknown(needs, ""); why != "" {
		return leftOut(why, ""), true
	}
	if ctx.Err() != nil {
		return leftOut(ended(ctx), ""), true
	}
	return finding{}, false
}

func ended(ctx context.Context) string {
	if ctx.Err() == nil {
		return ""
	}
	return "the context has ended: " + ctx.Err().Error()
}
