package judge

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/settings"
)

// Faults that a run is to be hit by before it ends.
const (
	faultRequestLimit = "large requests close the connection"
	faultProducerID   = "producer ids lost"
	faultCutOff       = "broker with stale metadata"
	faultRequestQuota = "quota on requests"
	faultClock        = "clock ahead and back"
)

const (
	// embeddedMessageBytes is far below what gathers in an outage.
	embeddedMessageBytes = 8 << 10
	// requestLimit is what a broker takes. It is more than any one message.
	requestLimit = 10 << 10
	gather       = 400 * time.Millisecond // of load, for requests to be large
)

// requestLimit has brokers close connections on requests that are larger than
// the limit, after a stall in which messages gather.
func (e *embeddedFaults) requestLimit(r *rand.Rand) fault {
	return fault{faultRequestLimit, between(r, 900*ms, 1500*ms), func(context.Context) (effect, error) {
		limit := e.kafka.LimitRequests(requestLimit)
		for _, p := range e.proxies {
			release := p.Hold()
			time.AfterFunc(gather, release)
		}
		return stoppable(limit), nil
	}}
}

// producerIDs has brokers forget the ids that they have given out.
func (e *embeddedFaults) producerIDs(r *rand.Rand) fault {
	code := pick[int16](r, 49, 59)
	return fault{faultProducerID, between(r, 300*ms, 1500*ms), func(context.Context) (effect, error) {
		e := stoppable(e.kafka.ForgetProducerIDs(topic, code))
		e.doubt = true
		return e, nil
	}}
}

// cutOff has a broker not hear that others lead its partitions.
func (e *embeddedFaults) cutOff(r *rand.Rand) fault {
	broker := r.IntN(brokers)
	return fault{faultCutOff, between(r, 300*ms, 1500*ms), func(context.Context) (effect, error) {
		f, err := e.kafka.CutOff(topic, broker)
		if err != nil {
			return effect{}, err
		}
		return stoppable(f), nil
	}}
}

// requestQuota throttles all requests.
func (e *embeddedFaults) requestQuota(r *rand.Rand) fault {
	throttle := between(r, 50*ms, 400*ms)
	return fault{faultRequestQuota, between(r, 300*ms, 1000*ms), func(context.Context) (effect, error) {
		return stoppable(e.kafka.ThrottleAnswers(forwardertest.AnyRequest, throttle)), nil
	}}
}

// clock sets the forwarder's clock two hours ahead. What is dated by it is refused
// for good while it is, and nothing that comes after.
func (e *embeddedFaults) clock(r *rand.Rand) fault {
	return fault{faultClock, between(r, 50*ms, 250*ms), func(context.Context) (effect, error) {
		e.bed.tell(load.Clock + (2 * time.Hour).String())
		return effect{
			hits: since(e.bed.refusedDates), inFlight: true, refuses: true,
			heal: func(context.Context) error {
				e.bed.tell(load.Clock + "0s")
				return nil
			},
		}, nil
	}}
}

// idsLostForGood has brokers forget the producer ids that they have given out and
// that are in use, once and for good.
func idsLostForGood(_ *testbed, k *forwardertest.Kafka) func(*rand.Rand) fault {
	const invalidProducerIDMapping = 49
	var lost *forwardertest.Fault
	return func(*rand.Rand) fault {
		return fault{faultProducerID, 300 * ms, func(context.Context) (effect, error) {
			if lost != nil && lost.Hits() == 0 { // none of its ids was in use yet
				lost.Stop()
				lost = nil
			}
			if lost == nil {
				lost = k.ForgetProducerIDs(topic, invalidProducerIDMapping)
			}
			return effect{hits: lost.Hits, inFlight: true, doubt: true}, nil
		}}
	}
}

// passwordsReplaced are rotations of the password that all clients of an embedded Kafka
// have.
func passwordsReplaced(g *testbed, k *forwardertest.Kafka) func(*rand.Rand) fault {
	p := &passwordRotation{
		first: g.settings, file: &g.passwordFile, proxies: g.proxies, set: k.SetPassword,
		changed: func(now settings.Secret) { g.reader.Password = now },
	}
	return p.fault
}
