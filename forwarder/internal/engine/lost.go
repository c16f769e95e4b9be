package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

const (
	// splitAfterClosed is the number of connections that the broker must have
	// closed on a request with a record batch alone before it is split although it
	// may have been written.
	splitAfterClosed = 2

	// giveUpAfterClosed is the same for a single message, which is given up.
	giveUpAfterClosed = 3

	// answersBeforeGivingUp is the number of small requests that the broker must
	// have answered on a connection whose end decides that a message is given up.
	// Where connections are closed by chance, one of so many is lost as well.
	answersBeforeGivingUp = 20

	// maxClosingTime is the time within which the broker closes a connection on a
	// request that is too large for it: as soon as it has read its size. Proxies
	// wait longer for an answer before they close a connection.
	maxClosingTime = 5 * time.Second
)

// lossCauseLocked returns why the connection of r was lost, as far as it is
// known: the first loss may have any reason.
func (w *brokerWorker) lossCauseLocked(r *inFlightRequest, err error) error {
	if w.answers > 0 && w.requestSize.limit > 0 && lossFrom(err) == lossByBroker {
		return closedOnRequestError(w, r.request.bytes, w.set.limits.codec, err)
	}
	return err
}

// blameRequestLocked draws conclusions from the size of r, whose connection was
// lost. A broker may read a request before it has answered the one before it, so a
// record batch is to blame only if nothing else was in flight.
func (w *brokerWorker) blameRequestLocked(r *inFlightRequest, err error, done *settlements, now time.Time) {
	loss := lossFrom(err)
	if loss == lossByAbort {
		return
	}
	size := 0
	for _, one := range w.inFlight {
		size = max(size, one.request.bytes)
	}
	w.requestSize.lost(size, w.answers > 0 && loss == lossByBroker, now)
	if loss != lossByBroker || len(r.recordBatches) > 1 || len(w.inFlight) > 1 {
		return
	}
	b := r.recordBatches[0]
	late := b.count == 1 && now.Sub(r.sentAt) > maxClosingTime // several messages are split, which harms none
	if late || b.bytes <= w.set.limits.innocent || w.answers < b.answersBefore() {
		return
	}
	b.closedAlone++
	e, p := w.set.partitionOf(b)
	switch {
	case b.count > 1 && b.closedAlone >= splitAfterClosed:
		parts := w.set.batchPool.splitBytes(b, w.requestSize.bound(max(1, b.bytes/2)))
		p.sealed = slices.Replace(p.sealed, 0, 1, parts...)
	case b.count == 1 && b.closedAlone >= giveUpAfterClosed:
		p.sealed = slices.Delete(p.sealed, 0, 1)
		tooLarge := &messageTooLargeForRequestError{w.String(), b.bytes, err}
		done.add(b, b.notAcknowledged(tooLarge))
		e.abandonUncertainLocked(p, e.intents.refused(b, sarama.ErrNoError, tooLarge),
			fmt.Errorf("was in a request with a message that no request can carry: %w", err), done)
	}
}

// answersBefore returns how many requests a connection must have answered so that
// its end counts against b, which it was closed on.
func (b *recordBatch) answersBefore() int {
	switch b.closedAlone {
	case 0:
		return 0
	case giveUpAfterClosed - 1:
		return answersBeforeGivingUp
	default:
		return 1
	}
}

// smallRequestsLocked returns how many small requests the next connection must
// answer before others: none unless the last one was lost with a request in flight.
func (w *brokerWorker) smallRequestsLocked() int {
	n := 0
	if w.requestSize.limit > 0 {
		n = 1
	}
	for b := range w.firstSealedLocked {
		n = max(n, b.answersBefore())
	}
	return n
}

// acquitLocked forgets which record batches lost connections: a small request has
// lost its connection as well, so that their size is not the reason.
func (w *brokerWorker) acquitLocked() {
	for b := range w.firstSealedLocked {
		b.closedAlone = 0
	}
}

// firstSealedLocked yields the record batches that come next in w's partitions.
func (w *brokerWorker) firstSealedLocked(yield func(*recordBatch) bool) {
	for _, e := range w.set.engines {
		for _, p := range e.partitions {
			if p.leader == w && len(p.sealed) > 0 && !yield(p.sealed[0]) {
				return
			}
		}
	}
}
