package diagnose

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/settings"
)

// walk goes to a server through each of its addresses.
func (r *run) walk(ctx context.Context, server string) *walkedServer {
	t := &walkedServer{server: server}
	var names sequence
	var addresses []string
	names.run(ctx, stepResolve, connect.Named(server), nil, func() finding {
		var err error
		if addresses, err = r.probe.Resolve(ctx, server); err != nil {
			t.err = err
			return failedFor(err, "check bootstrap_servers, the brokers' advertised.listeners, and this host's DNS")
		}
		if r.ownDialer {
			return leftOut("the function of WithDialer resolves names", "")
		}
		return fine(hosts(addresses))
	})
	if !isLiteral(addresses, server) || r.ownDialer {
		t.checks = names.checks
	}
	if len(addresses) == 0 {
		addresses = []string{server} // for what is skipped
	}
	ways := make([]*way, len(addresses))
	each(len(addresses), func(i int) {
		ways[i] = r.goTo(ctx, server, addresses[i], names)
	})
	for _, w := range ways {
		t.checks = append(t.checks, w.checks...)
		switch {
		case w.link != nil && t.link == nil:
			t.link = w.link
		case w.link != nil:
			w.link.Close() // one is enough for what is asked later
		case t.err == nil, !connect.Refuses(t.err) && connect.Refuses(w.err):
			t.err, t.lacks = w.err, w.lacks
		}
	}
	if t.lacks == "" {
		t.lacks = names.unknown[stepResolve]
	}
	if t.link != nil {
		t.err, t.lacks = nil, ""
		t.downgrade() // another address is of use
	}
	return t
}

// A way is the checks of one address, and where they led.
type way struct {
	sequence
	link  *connect.Link
	err   error
	lacks string
}

// goTo connects to one address and authenticates.
func (r *run) goTo(ctx context.Context, server, address string, before sequence) *way {
	w := &way{sequence: sequence{unknown: before.unknown}}
	if w.unknown[stepResolve] == "" {
		w.unknown = nil
	}
	label := connect.Named(server)
	if address != server {
		label += " (" + connect.Named(address) + ")"
	}
	var link *connect.Link
	try := func(step string, needs []string, look func() (finding, error)) {
		w.run(ctx, step, label, needs, func() finding {
			f, err := look()
			if err != nil {
				w.err, w.lacks = err, needed(step, label)
				if f.err == nil {
					f = failedFor(err, "")
				}
			}
			return f
		})
	}
	try(stepDial, []string{stepResolve}, func() (f finding, err error) {
		link, err = r.probe.DialLink(ctx, server, address)
		if err != nil {
			return failedFor(err, "check that a broker runs there, and that this host may connect to it"), err
		}
		return fine("TCP"), nil
	})
	try(stepTLS, []string{stepDial}, func() (finding, error) {
		state, err := link.Handshake(ctx)
		if err != nil {
			return finding{}, err
		}
		return tlsFinding(&state, link.ClientCertificate(), time.Now()), nil
	})
	if r.lacksCredentials != "" {
		w.without(stepCredentials, r.lacksCredentials)
		w.lacks = r.lacksCredentials
	}
	try(stepAuthenticate, []string{stepTLS, stepCredentials}, func() (finding, error) {
		if err := link.Authenticate(ctx, r.sarama); err != nil {
			return finding{}, err
		}
		return fine(authenticated(link, r.sarama)), nil
	})
	try(stepVersions, []string{stepAuthenticate}, func() (finding, error) {
		return r.versions(link), link.CheckVersions()
	})
	if len(w.unknown) == 0 {
		w.link = link
	} else if link != nil {
		link.Close()
	}
	return w
}

func authenticated(l *connect.Link, cfg *sarama.Config) string {
	if !cfg.Net.SASL.Enable {
		return l.User() + ", without SASL"
	}
	found := []string{l.User() + " with " + string(cfg.Net.SASL.Mechanism)}
	if offered := l.Offered(); len(offered) > 0 {
		found = append(found, "offered: "+strings.Join(offered, ", "))
	}
	if lifetime := l.SessionLifetime(); lifetime > 0 {
		found = append(found, fmt.Sprintf("again every %s", lifetime))
	} else {
		found = append(found, "for as long as the connection lasts")
	}
	return strings.Join(found, "; ")
}

// versions says which Kafka it is, and that it has what a forwarder needs.
func (r *run) versions(l *connect.Link) finding {
	release := l.Release()
	if release == "" {
		return fine("the broker does not tell its versions")
	}
	needs := "producer ids"
	if codec := r.delivery.Compression; codec != settings.NoCompression {
		needs += " and " + string(codec)
	}
	return fine(fmt.Sprintf("as those of Kafka %s; %s are there", release, needs))
}

func isLiteral(addresses []string, server string) bool {
	return len(addresses) == 1 && addresses[0] == server
}

func hosts(addresses []string) string {
	list := make([]string, len(addresses))
	for i, a := range addresses {
		list[i] = connect.Named(a)
	}
	return strings.Join(list, ", ")
}

// mostAtOnce bounds how many connections are made at the same time.
const mostAtOnce = 16

// each calls do for 0 to n-1, up to mostAtOnce at a time, and waits for all.
func each(n int, do func(int)) {
	room := make(chan struct{}, mostAtOnce)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			do(i)
		})
	}
	all.Wait()
}
