package engine

import (
	"slices"
	"time"
)

// An inFlightRequest is a produce request that was sent, or is being sent, and
// not answered.
type inFlightRequest struct {
	request       produceRequest
	recordBatches []*recordBatch
	messages      int // in those when it was built
	conn          brokerConn
	alone         bool // nothing else may be in flight on conn
	pipelined     bool // others were in flight when it was sent
	ended         bool // answered or given up
	sentAt        time.Time

	intents requestIntents // of record batches that have none yet
}

// requestsInFlight are a broker's, the oldest first.
type requestsInFlight []*inFlightRequest

// bytes returns the size of all requests, before compression.
func (l requestsInFlight) bytes() int {
	n := 0
	for _, r := range l {
		n += r.request.bytes
	}
	return n
}

// oldestFor returns how long the oldest request has been in flight.
func (l requestsInFlight) oldestFor(now time.Time) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return now.Sub(l[0].sentAt)
}

func (l requestsInFlight) without(r *inFlightRequest) requestsInFlight {
	return slices.DeleteFunc(l, func(other *inFlightRequest) bool { return other == r })
}
