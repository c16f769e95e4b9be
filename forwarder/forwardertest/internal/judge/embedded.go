package judge

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/proxy"
)

const (
	topic      = "judged"
	partitions = 12
	brokers    = 3
)

// embedded is the ground of a Kafka in this process.
func embedded() (*ground, *forwardertest.Kafka, error) {
	k, err := forwardertest.StartKafka(
		forwardertest.WithBrokers(brokers),
		forwardertest.WithTopic(topic, partitions),
		forwardertest.WithBrokerConfig("connections.max.reauth.ms", "4000"),
	)
	if err != nil {
		return nil, nil, err
	}
	g := &ground{
		name: "embedded Kafka", settings: k.Settings(), reader: k.Settings(), partitions: []int32{partitions},
		every: 400 * time.Millisecond, overlap: true,
	}
	if err := g.interpose(k.Servers()); err != nil {
		k.Close()
		return nil, nil, err
	}
	g.close = func() { g.closeProxies(); k.Close() }
	g.fault = func(r *rand.Rand) fault { return embeddedFault(r, k, g.proxies) }
	return g, k, nil
}

// between draws a duration.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

const ms = time.Millisecond

// embeddedFault draws one of the faults of a Kafka in this process.
func embeddedFault(r *rand.Rand, k *forwardertest.Kafka, ps []*proxy.Proxy) fault {
	one := ps[r.IntN(len(ps))]
	draw := []func() fault{
		func() fault { return cut("connection reset", one) },
		func() fault { return cut("all connections reset", ps...) },
		func() fault {
			return answers("answers lost", between(r, 200*ms, 500*ms), k.LoseAnswers, forwardertest.Produce, 1+r.IntN(4))
		},
		func() fault {
			return answers("answers lost", between(r, 200*ms, 500*ms), k.LoseAnswers, forwardertest.Produce, 1+r.IntN(4))
		},
		func() fault { return swallow(between(r, 200*ms, 800*ms), one) },
		func() fault { return hold("stall", between(r, 100*ms, 1500*ms), one) },
		func() fault { return slow("latency", between(r, 300*ms, 900*ms), between(r, 20*ms, 100*ms), 0, ps...) },
		func() fault { return slow("bandwidth", between(r, 300*ms, 900*ms), 0, 200_000, one) },
		func() fault { return moves(r, k) },
		func() fault { return moves(r, k) },
		func() fault { return down("broker down", between(r, 200*ms, 1500*ms), one) },
		func() fault { return down("all down", between(r, 200*ms, 1500*ms), ps...) },
		func() fault { return code(r, k, "below min ISR", forwardertest.Produce, 19) },
		func() fault { return code(r, k, "below min ISR after append", forwardertest.Produce, 20) },
		func() fault {
			return code(r, k, "error code", forwardertest.Produce, pick[int16](r, 2, 3, 5, 6, 7, 56))
		},
		func() fault { return code(r, k, "error code", forwardertest.Metadata, 5) },
		func() fault { return leaderless(r, k) },
		func() fault {
			return answers("re-authentication lost", 2*time.Second, k.LoseAnswers, forwardertest.SASLAuthenticate, 1)
		},
	}
	return draw[r.IntN(len(draw))]()
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// stoppable turns a fault of the package into an effect.
func stoppable(f *forwardertest.Fault) effect {
	return effect{hits: f.Hits, inFlight: true, heal: func(context.Context) error { f.Stop(); return nil }}
}

func answers(name string, lasts time.Duration, change func(forwardertest.Request, int, ...int) *forwardertest.Fault, request forwardertest.Request, times int) fault {
	return fault{name, lasts, func(context.Context) (effect, error) { return stoppable(change(request, times)), nil }}
}

func code(r *rand.Rand, k *forwardertest.Kafka, name string, request forwardertest.Request, code int16) fault {
	times := 1 + r.IntN(6)
	return fault{name, between(r, 200*ms, 600*ms), func(context.Context) (effect, error) {
		return stoppable(k.Fail(request, code, times)), nil
	}}
}

func leaderless(r *rand.Rand, k *forwardertest.Kafka) fault {
	p := r.Int32N(partitions)
	return fault{"no leader", between(r, 200*ms, 600*ms), func(context.Context) (effect, error) {
		return stoppable(k.Leaderless(topic, p, (p+1)%partitions)), nil
	}}
}

// moves hits when clients ask for the leaders again, because a broker has told
// them that it is not the one.
func moves(r *rand.Rand, k *forwardertest.Kafka) fault {
	n, first, to := 1+r.IntN(partitions/2), r.Int32N(partitions), r.IntN(brokers)
	return fault{"leaders moved", 400 * ms, func(context.Context) (effect, error) {
		asked := since(func() int { return k.Requests(forwardertest.Metadata) })
		for i := range n {
			if err := k.MoveLeader(topic, (first+int32(i))%partitions, (to+i)%brokers); err != nil { //nolint:gosec // small
				return effect{}, err
			}
		}
		return effect{hits: asked}, nil
	}}
}

// controlFaults leave a producer in doubt: what tells one that numbers its
// messages and never gives up from others. They take turns, so that each seed
// has both: the first outlasts the retry of a producer that gives up after it.
func controlFaults(k *forwardertest.Kafka) func(*rand.Rand) fault {
	const timedOut = 7 // after append
	turn := 0
	return func(r *rand.Rand) fault {
		if turn++; turn%2 == 0 {
			return answers("answers lost", 150*ms, k.LoseAnswers, forwardertest.Produce, 2+r.IntN(3))
		}
		return fault{"timed out after append", 300 * ms, func(context.Context) (effect, error) {
			return stoppable(k.Fail(forwardertest.Produce, timedOut, 4*partitions)), nil
		}}
	}
}
