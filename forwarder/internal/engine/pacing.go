package engine

import "time"

// A pacing decides when a broker's next request goes, and how much of what
// waits goes with it.
//
// The first request goes as soon as there is anything to send. Messages gather
// while it is in flight, so that requests grow by themselves under load. A second
// request keeps the broker busy while the answer to the first travels. The
// processor is idle by then, or the worker would not run; so the second goes when
// there is enough to be worth it, or when the first has been in flight for a good
// part of the average time.
//
// While only this broker is busy, a request takes at most half of everything there is,
// but at least what is worth a request: the broker works on one half while the other is
// compressed. Otherwise it takes all: the requests of others are compressed meanwhile,
// and brokers with their replicas need as much time for a small request as for a large
// one.
type pacing struct {
	minBytes   int           // worth a request of its own
	averageRTT time.Duration // of recent requests; 0: not known
}

// untilAnswer is a wait that only an answer ends.
const untilAnswer = time.Duration(-1)

// lingerTime returns how long to gather before the next request; 0: it may go.
func (p *pacing) lingerTime(inFlight requestsInFlight, readyBytes int, now time.Time) time.Duration {
	switch {
	case len(inFlight) == 0:
		return 0
	case len(inFlight) >= maxInFlight:
		return untilAnswer
	case readyBytes >= p.minBytes:
		return 0
	case p.averageRTT == 0:
		return untilAnswer
	}
	return max(0, p.averageRTT/4-now.Sub(inFlight[0].sentAt))
}

// worthSending reports whether readyBytes end a wait that lingerTime has begun.
func (p *pacing) worthSending(inFlight, readyBytes int) bool {
	return inFlight == 0 || inFlight < maxInFlight && readyBytes >= p.minBytes
}

// observeRTT records how long a request was in flight.
func (p *pacing) observeRTT(d time.Duration) {
	if p.averageRTT == 0 {
		p.averageRTT = d
		return
	}
	p.averageRTT += (d - p.averageRTT) / 8
}

// requestShare returns how many bytes the next request may have. It takes whole
// record batches, the first one in any case. othersBusy: other brokers have requests
// in flight.
func (p *pacing) requestShare(inFlight requestsInFlight, readyBytes int, othersBusy bool) int {
	if othersBusy {
		return max(p.minBytes, readyBytes)
	}
	return max(p.minBytes, (readyBytes+inFlight.bytes())/2)
}
