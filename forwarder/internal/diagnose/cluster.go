package diagnose

import (
	"context"
	"fmt"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
)

// cluster asks servers for the cluster and the topic, until one shows the topic.
func (r *run) cluster(ctx context.Context) {
	r.main.run(ctx, stepCluster, "", []string{stepBootstrap}, func() finding {
		var first error
		shown := false
		for i, link := range r.links {
			view, err := link.Overview(ctx)
			if err != nil {
				if first == nil {
					first = err
				}
				continue
			}
			if usable := link.CheckTopic(view) == nil; usable || !shown {
				r.view, shown = view, true
				r.links[0], r.links[i] = link, r.links[0] // what is asked later, this one is asked
				if usable {
					break
				}
			}
		}
		switch {
		case !shown:
			return failedFor(first, "")
		case len(r.view.Brokers) == 0:
			return wrong("no broker is advertised", "check that bootstrap_servers name brokers of a cluster, and not a proxy without one")
		default:
			return describeCluster(r.view)
		}
	})
}

func describeCluster(v connect.Overview) finding {
	id := "without an id"
	if v.ClusterID != "" {
		id = connect.Named(v.ClusterID)
	}
	controller := "unknown"
	if v.Controller >= 0 {
		controller = fmt.Sprint(v.Controller)
	}
	found := fmt.Sprintf("cluster %s, controller %s, %s", id, controller, count(len(v.Brokers), "broker"))
	if v.ThrottleTime > 0 {
		return warn(fmt.Sprintf("%s; a quota holds this client back for %s", found, v.ThrottleTime), "raise the client's quota (kafka-configs), or send less")
	}
	return fine(found)
}

// brokers walks to every broker that is advertised, at the address that is.
func (r *run) brokers(ctx context.Context) {
	if len(r.view.Brokers) == 0 {
		r.main.run(ctx, stepBroker, "", []string{stepCluster}, nil) // skipped, since that has failed
		return
	}
	some, cancel := half(ctx)
	defer cancel()
	walked := make([]*walkedServer, len(r.view.Brokers))
	each(len(walked), func(i int) {
		addr := r.view.Brokers[i].Addr
		if r.walked[addr] == nil { // nothing writes to it meanwhile
			walked[i] = r.walk(some, addr)
		}
	})
	for i, b := range r.view.Brokers {
		t := r.walked[b.Addr]
		if walked[i] != nil && t == nil {
			t = walked[i]
			r.walked[b.Addr] = t
			if len(b.Partitions) == 0 {
				t.downgrade() // no message is sent there
			}
			r.main.checks = append(r.main.checks, t.checks...)
		} else if walked[i] != nil && walked[i].link != nil {
			walked[i].link.Close() // two brokers with one address
		}
		r.broker(ctx, b, t)
	}
}

// broker sums up the walk to a broker.
func (r *run) broker(ctx context.Context, b connect.AdvertisedBroker, t *walkedServer) {
	label := fmt.Sprintf("%d at %s", b.ID, connect.Named(b.Addr))
	leads := "leads no partition of the topic"
	if n := len(b.Partitions); n > 0 {
		leads = "leads " + count(n, "partition")
	}
	var own sequence
	if t.link == nil && t.err == nil {
		own.without(stepAuthenticate, t.lacks)
	}
	own.run(summing(ctx), stepBroker, label, []string{stepAuthenticate}, func() finding {
		switch {
		case t.link != nil:
			return fine(leads)
		case len(b.Partitions) == 0:
			found, do := connect.Split(connect.Unserved(r.links[0].Server(), b.ID, b.Addr, nil, t.err))
			return warn(found, do)
		default:
			return failedFor(connect.Unserved(r.links[0].Server(), b.ID, b.Addr, b.Partitions, t.err), "")
		}
	})
	r.main.checks = append(r.main.checks, own.checks...)
}

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
