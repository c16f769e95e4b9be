package judge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
	"github.com/eventferry/eventferry/settings"
)

// The faults of credentials that are replaced while they are in use. Each ends with
// connections that are closed when no broker takes the old credential any more, and
// counts those: what is delivered afterwards was delivered with the new one.
const (
	faultPassword    = "password replaced"
	faultCertificate = "certificates replaced"
)

// A passwordRotation replaces the password of the user of the process under test.
type passwordRotation struct {
	first   settings.Settings // with the password that it has at first
	file    *string           // that the process under test reads
	proxies []*proxy.Proxy
	set     func(ctx context.Context, password string) error // has brokers know another
	changed func(settings.Secret)                            // is told of it; nil: need not
	n       int
}

func (p *passwordRotation) fault(r *rand.Rand) fault {
	fileFirst := r.IntN(2) == 0
	return fault{faultPassword, 0, func(ctx context.Context) (effect, error) {
		before, err := os.ReadFile(*p.file)
		if err != nil {
			return effect{}, fmt.Errorf("judge: %w", err)
		}
		first, err := p.first.ReadPassword()
		if err != nil {
			return effect{}, fmt.Errorf("judge: %w", err)
		}
		p.n++
		next := fmt.Sprintf("%s-%d", first.Reveal(), p.n)
		steps := []func() error{
			func() error { return p.set(ctx, next) },
			func() error { return replaceFile(*p.file, []byte(next+"\n")) },
		}
		if fileFirst {
			steps[0], steps[1] = steps[1], steps[0]
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return effect{}, err
			}
		}
		if p.changed != nil {
			p.changed(settings.NewSecret(next))
		}
		old := p.first
		old.Password, old.PasswordFile = settings.NewSecret(string(before)), ""
		if err := refused(ctx, old); err != nil {
			return effect{}, err
		}
		return cut(faultPassword, p.proxies...).begin(ctx)
	}}
}

// refused waits until every broker refuses what a client has. Brokers learn of a
// change a moment later.
func refused(ctx context.Context, s settings.Settings) error {
	const patience, pause = 30 * time.Second, 20 * time.Millisecond
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, server := range s.Servers() {
		s.BootstrapServers = server
		for accepts(limit, s) {
			select {
			case <-time.After(pause):
			case <-limit.Done():
				return errors.Join(fmt.Errorf("judge: %s accepts what was replaced", server), ctx.Err())
			}
		}
	}
	return nil
}

// accepts reports whether a broker lets a client in.
func accepts(ctx context.Context, s settings.Settings) bool {
	opts, err := forwardertest.ClientOptions(s)
	if err != nil {
		return false
	}
	client, err := kgo.NewClient(append(opts, kgo.RequestRetries(0))...)
	if err != nil {
		return false
	}
	defer client.Close()
	return client.Ping(ctx) == nil
}

// replaceFile gives a file other content in one step.
func replaceFile(name string, content []byte) error {
	next := name + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	if err := os.Rename(next, name); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	return nil
}
