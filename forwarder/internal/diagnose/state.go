package diagnose

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/settings"
)

// A run is one diagnosis.
type run struct {
	probe            *connect.Probe
	delivery         settings.Delivery
	topic            string
	ownDialer        bool
	sarama           *sarama.Config
	lacksCredentials string
	main             sequence
	walked           map[string]*walkedServer // by server
	links            []*connect.Link          // authenticated, of bootstrap servers
	view             connect.Overview
}

func (r *run) close() {
	for _, t := range r.walked {
		if t.link != nil {
			t.link.Close()
		}
	}
}

// A walkedServer is a server that was walked to, through each of its addresses.
type walkedServer struct {
	server string
	checks []Check
	link   *connect.Link // authenticated; nil: no address is of use
	err    error         // why there is none
	lacks  string        // the same, for checks that need the link
}

// downgrade makes warnings of failures that others make up for.
func (t *walkedServer) downgrade() {
	for i, c := range t.checks {
		if c.Status == Failed {
			t.checks[i].Status = Warning
		}
	}
}

// half returns a context for half of the time that is left, so that servers that say
// nothing leave time for others.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// summing returns a context for a check that asks nothing, and says what is known at
// a deadline.
func summing(ctx context.Context) context.Context {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.WithoutCancel(ctx)
	}
	return ctx
}
