package forwarder

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/client"
	"github.com/eventferry/eventferry/settings"
)

// WithoutProbe lets [New] return before any broker has answered, for services
// that must start while Kafka is down. Wrong credentials or a missing topic
// then show in [Forwarder.Ping] and as the cause of delivery errors only.
func WithoutProbe() Option {
	return optionFunc(func(o *options) { o.skipProbe = true })
}

// A probe finds out, on connections of its own, whether the topic can be
// written to with these credentials. The producer retries a wrong
// password or a missing topic for as long as it takes.
//
// It asks the bootstrap servers for the topic until one has shown it, then
// connects to every broker that leads a partition of it: messages go there, to
// addresses that brokers advertise and nobody has tried yet.
type probe struct {
	servers   []string
	topic     string
	dialer    *dialer
	configure func() (*sarama.Config, error) // may ask for credentials
	user      func() string                  // who they are for, where the configuration does not tell
	latest    atomic.Pointer[sarama.Config]  // that configure made
}

// newProbe checks s, whose defaults are not filled in, and makes of it all that
// connecting needs.
func newProbe(s settings.Settings, o options) (*probe, error) {
	validate := s.Validate
	if o.authenticator != nil || o.credentials != nil {
		validate = s.ValidateExceptCredentials
	}
	if err := validate(); err != nil {
		return nil, err
	}
	tc, badTLS := tlsConfig(s.TLS, o.tls)
	a, user, badCredentials := authenticator(s, o)
	if err := errors.Join(badTLS, badCredentials); err != nil {
		return nil, err
	}
	s = s.WithDefaults()
	d := newDialer(o.dial, tc)
	return &probe{
		servers:   s.Servers(),
		topic:     s.TopicName,
		dialer:    d,
		configure: func() (*sarama.Config, error) { return client.Config(s, d, a) },
		user:      user,
	}, nil
}

const (
	patience      = 30 * time.Second       // when ctx has no deadline
	oneAttempt    = 10 * time.Second       // for one conversation
	stagger       = 50 * time.Millisecond  // between the first attempts at one server and the next
	secondOpinion = 200 * time.Millisecond // for another server to contradict a refusal
	shortestBreak = 100 * time.Millisecond // between two attempts at one server; doubles up to the longest
	longestBreak  = time.Second
	hangUps       = 2 // how often in a row a closed connection may be something passing
)

// run returns nil once all has been reached, at once when a broker refuses, and
// otherwise tries until ctx ends. It writes nothing and leaves no connection.
func (p *probe) run(ctx context.Context) error {
	ctx, cancel := patient(ctx)
	defer cancel()
	cfg, err := p.credentials(ctx)
	if err != nil {
		return err
	}
	var last error // of the leaders
	closed := 0
	for round := 0; ; round++ {
		v, err := p.find(ctx, cfg, true)
		if err == nil {
			if err = worst(p.reach(ctx, cfg, v, true)); err == nil {
				return nil
			}
			err = worst([]error{err, last}) // the end of the wait may have cut this round short
			last = err
		}
		var hangUp *hangUpError
		if errors.As(err, &hangUp) {
			closed++
		} else {
			closed = 0
		}
		switch {
		case isRefusal(err), closed == hangUps:
			return err
		case over(ctx) || !pauseAfter(ctx, round):
			<-ctx.Done() // at once, if not already
			if unreached, ok := errors.AsType[*unreachedError](err); ok && !unreached.tried && last != nil {
				err = last // from the round before, in which servers answered
			}
			return fmt.Errorf("%w (%w)", err, ended(ctx))
		}
	}
}

// patient gives ctx a deadline if it has none.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, patience)
}

// credentials makes the configuration of a run. Its authenticator may be the
// caller's and not heed ctx.
func (p *probe) credentials(ctx context.Context) (*sarama.Config, error) {
	type result struct {
		cfg *sarama.Config
		err error
	}
	results := make(chan result, 1)
	go func() {
		cfg, err := p.configure()
		results <- result{cfg, err}
	}()
	select {
	case r := <-results:
		if r.err == nil {
			p.latest.Store(r.cfg)
		}
		return r.cfg, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("no credentials yet: %w", ended(ctx))
	}
}

// who is the identity that cfg gives a connection.
func (p *probe) who(cfg *sarama.Config) identity {
	sasl := &cfg.Net.SASL
	if !sasl.Enable {
		if certs := p.dialer.tls.Certificates; len(certs) > 0 {
			return identity{certificate: subject(&certs[0])}
		}
		return identity{}
	}
	user := sasl.User
	if asked := p.user(); asked != "" {
		user = asked
	}
	return identity{user: user, mechanism: string(sasl.Mechanism)}
}

// reach connects to the leaders that v lists, all at once, and returns what
// went wrong with each. If hasty, a refusal by one ends the attempts at the
// others.
func (p *probe) reach(ctx context.Context, cfg *sarama.Config, v view, hasty bool) []error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(v.leaders))
	var reaching sync.WaitGroup
	for i, l := range v.leaders {
		if l.addr == v.server {
			continue // the one that showed the topic
		}
		reaching.Go(func() {
			err := p.meet(ctx, cfg, l.addr, nil)
			switch {
			case err == nil:
			case isRefusal(err):
				errs[i] = fmt.Errorf("%s, at %s as %s advertises it: %w", l, l.addr, v.server, err)
				if hasty {
					cancel()
				}
			default:
				errs[i] = fmt.Errorf("%s advertises %s, at %s, which cannot be reached: correct the broker's "+
					"advertised.listeners, or let this host connect to it: %w", v.server, l, l.addr, err)
			}
		})
	}
	reaching.Wait()
	return errs
}

// pauseAfter makes the break after an attempt. It reports false when ctx ended
// it.
func pauseAfter(ctx context.Context, attempt int) bool {
	return sleep(ctx, min(shortestBreak<<min(attempt, 10), longestBreak))
}

// sleep reports false when ctx ended it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
