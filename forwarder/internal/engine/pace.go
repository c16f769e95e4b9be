package engine

import "time"

// A pace decides when a request goes, and how much of what waits goes with it.
//
// The first goes as soon as there is anything to send. While it is under way
// messages gather, so that requests grow by themselves when there is much to do.
// A second one keeps the broker busy while the answer to the first travels. The
// processor is idle by then, or it would not be this goroutine's turn; so it goes
// when there is enough for it to be worth its while, or when the first has been
// under way for a good part of the usual time.
//
// A request takes half of what there is at most, but what is worth one of its own
// at least: so the broker works on one half while the other is compressed, and
// neither waits for the other to finish.
type pace struct {
	good  int           // bytes that are worth a request of their own
	usual time.Duration // how long a request takes, as of late; 0: not known
}

// forAnAnswer stands for a wait that only an answer ends.
const forAnAnswer = time.Duration(-1)

// hold is how long to gather before the next request; 0: it may go.
func (p *pace) hold(air []*flight, pending int, now time.Time) time.Duration {
	switch {
	case len(air) == 0:
		return 0
	case len(air) >= maxFlights:
		return forAnAnswer
	case pending >= p.good:
		return 0
	case p.usual == 0:
		return forAnAnswer
	}
	return max(0, p.usual/4-now.Sub(air[0].sent))
}

// enough reports whether pending bytes end a wait that hold has begun.
func (p *pace) enough(flights, pending int) bool {
	return flights == 0 || flights < maxFlights && pending >= p.good
}

// took notes how long a request was under way.
func (p *pace) took(d time.Duration) {
	if p.usual == 0 {
		p.usual = d
		return
	}
	p.usual += (d - p.usual) / 8
}

// share is how many bytes the next request may have. It takes whole bundles, the
// first in any case.
func (p *pace) share(air []*flight, pending int) int {
	all := pending
	for _, f := range air {
		all += f.request.bytes
	}
	return max(p.good, all/2)
}
