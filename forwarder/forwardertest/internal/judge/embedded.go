package judge

import (
	"context"
	"fmt"
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

// embedded is the testbed of a Kafka in this process.
func embedded(p Producer) (*testbed, *forwardertest.Kafka, error) {
	certificates := &certificateRotation{}
	k, err := forwardertest.StartKafka(
		forwardertest.WithBrokers(brokers),
		forwardertest.WithClientCertificates(),
		certificates.option(),
		forwardertest.WithTopic(topic, partitions),
		forwardertest.WithBrokerConfig("connections.max.reauth.ms", "4000"),
	)
	if err != nil {
		return nil, nil, err
	}
	g := &testbed{
		name: "embedded Kafka", settings: k.Settings(), reader: k.Settings(), partitions: []int32{partitions},
		every: 400 * time.Millisecond, overlap: true, maxMessageBytes: embeddedMessageBytes,
		required: []string{faultRequestLimit, faultProducerID, faultCutOff, faultRequestQuota, faultClock, faultPassword, faultCertificate},
	}
	if err := g.addProxies(k.Servers()); err != nil {
		k.Close()
		return nil, nil, err
	}
	g.close = func() { g.closeProxies(); k.Close() }
	e := &embeddedFaults{kafka: k, proxies: g.proxies, bed: g}
	kinds := e.kinds()
	if p == ProducerSarama {
		g.required = []string{faultCutOff, faultRequestQuota}
	} else {
		g.tooNew = append(g.tooNew, k.ShiftClock(topic, 0, forwardertest.UntilStopped))
		certificates.servers, certificates.proxies = k.Servers(), g.proxies
		if err := certificates.link(k.Settings().TLS); err != nil {
			g.close()
			return nil, nil, err
		}
		kinds = append(kinds, e.requestLimit, e.producerIDs, e.clock, passwordsReplaced(g, k), certificates.fault)
	}
	g.fault = shuffled(kinds)
	return g, k, nil
}

// route makes the topics on a Kafka in this process.
func (g *testbed) route(o Options, k *forwardertest.Kafka) error {
	if o.Routes == 0 {
		return nil
	}
	for _, name := range g.nameTopics(o) {
		if err := k.CreateTopic(name, partitions); err != nil {
			return fmt.Errorf("judge: %w", err)
		}
		if o.Producer == ProducerEngine {
			g.tooNew = append(g.tooNew, k.ShiftClock(name, 0, forwardertest.UntilStopped))
		}
	}
	return nil
}

// between draws a duration.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

const ms = time.Millisecond

// embeddedFaults are those of a Kafka in this process.
type embeddedFaults struct {
	kafka   *forwardertest.Kafka
	proxies []*proxy.Proxy
	bed     *testbed
}

func (e *embeddedFaults) one(r *rand.Rand) *proxy.Proxy { return e.proxies[r.IntN(len(e.proxies))] }

// kinds are the faults that both producers live through. One that stands there
// twice comes twice as often.
func (e *embeddedFaults) kinds() []func(*rand.Rand) fault {
	k, ps := e.kafka, e.proxies
	lost := func(r *rand.Rand) fault {
		return answers("answers lost", between(r, 200*ms, 500*ms), k.LoseAnswers, forwardertest.Produce, 1+r.IntN(4))
	}
	moved := func(r *rand.Rand) fault { return moves(r, k) }
	return []func(*rand.Rand) fault{
		func(r *rand.Rand) fault { return cut("connection reset", e.one(r)) },
		func(*rand.Rand) fault { return cut("all connections reset", ps...) },
		lost, lost,
		func(r *rand.Rand) fault { return swallow(between(r, 200*ms, 800*ms), e.one(r)) },
		func(r *rand.Rand) fault { return hold("stall", between(r, 100*ms, 1500*ms), e.one(r)) },
		func(r *rand.Rand) fault {
			return slow("latency", between(r, 300*ms, 900*ms), between(r, 20*ms, 100*ms), 0, ps...)
		},
		func(r *rand.Rand) fault { return slow("bandwidth", between(r, 300*ms, 900*ms), 0, 200_000, e.one(r)) },
		moved, moved,
		func(r *rand.Rand) fault { return down("broker down", between(r, 200*ms, 1500*ms), e.one(r)) },
		func(r *rand.Rand) fault { return down("all down", between(r, 200*ms, 1500*ms), ps...) },
		func(r *rand.Rand) fault { return code(r, k, "below min ISR", forwardertest.Produce, 19) },
		func(r *rand.Rand) fault { return code(r, k, "below min ISR after append", forwardertest.Produce, 20) },
		func(r *rand.Rand) fault {
			return code(r, k, "error code", forwardertest.Produce, pick[int16](r, 2, 3, 5, 6, 7, 56))
		},
		func(r *rand.Rand) fault { return code(r, k, "error code", forwardertest.Metadata, 5) },
		func(r *rand.Rand) fault { return leaderless(r, k) },
		func(*rand.Rand) fault {
			return answers("re-authentication lost", 2*time.Second, k.LoseAnswers, forwardertest.SASLAuthenticate, 1)
		},
		e.cutOff, e.requestQuota,
	}
}

// shuffled deals the kinds of faults so that none is left out.
func shuffled(kinds []func(*rand.Rand) fault) func(*rand.Rand) fault {
	var left []func(*rand.Rand) fault
	return func(r *rand.Rand) fault {
		if len(left) == 0 {
			left = append(left, kinds...)
			r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		}
		f := left[0](r)
		left = left[1:]
		return f
	}
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
func controlFaults(_ *testbed, k *forwardertest.Kafka) func(*rand.Rand) fault {
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
