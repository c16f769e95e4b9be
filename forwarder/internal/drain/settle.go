package drain

import (
	"errors"
	"sync"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// Settled is told how a message ended, on any goroutine. It must not block.
// first is the number of the first message of its entry. ended is not nil once
// no message of the entry for the same topic is left that has not ended.
type Settled func(first uint64, r MessageResult, ended *Ended)

// A MessageResult is how one message of an entry ended.
type MessageResult struct {
	producer.Result
	Topic string
	Index int // in the entry
	Bytes int // of its value
}

// Closed reports whether the message only came back because the producer is
// closed: it stays in the spool.
func (r *MessageResult) Closed() bool { return closed(&r.Result) }

func closed(r *producer.Result) bool {
	return r.Outcome != producer.Acknowledged && errors.Is(r.Err, producer.ErrClosed)
}

// Ended is how the messages of an entry for one topic ended.
type Ended struct {
	First    uint64 // number of the first message of the entry
	Topic    string
	From     int // the first of the topic's in the entry
	Messages int // how many of these there are
	Accepted time.Time
	Results  []MessageResult // of the messages that ended in this process, in the order in which they did

	// Parts are the messages that the entry stands for, if it is what a window has
	// become.
	Parts []spoolstore.Range
}

// Of is how an entry ended that e stands for.
func (e *Ended) Of(first uint64) *Ended {
	part := *e
	part.First, part.Parts = first, nil
	return &part
}

// An entryEnd gathers how the messages of an entry for one topic end in this
// process. Those for another one may wait far longer.
type entryEnd struct {
	mu        sync.Mutex
	left      int
	ended     Ended
	result    [1]MessageResult // room for the one that most have
	recovered int              // messages that the producer has from the start
	released  func()           // called when it has none of these any more; nil: no call
}

func newEntryEnd(r *spoolstore.Record, from, to, left int) *entryEnd {
	e := &entryEnd{left: left, ended: Ended{
		First: r.First, Topic: r.Entry.TopicOf(from), From: from, Messages: to - from, Accepted: r.Entry.Accepted,
	}}
	e.ended.Results = e.result[:0]
	if w := r.Entry.Window; w != (spoolstore.Window{}) && !w.Waits() {
		e.ended.Parts = r.Entry.Parts
	}
	return e
}

// settle tells how the message at this index ended.
func (e *entryEnd) settle(tell Settled, index, bytes int, r producer.Result) {
	result := MessageResult{Result: r, Topic: e.ended.Topic, Index: index, Bytes: bytes}
	var ended *Ended
	if !result.Closed() {
		e.mu.Lock()
		e.ended.Results = append(e.ended.Results, result)
		if e.left--; e.left == 0 {
			ended = &e.ended
		}
		e.mu.Unlock()
	}
	tell(e.ended.First, result, ended)
}

// hasRecovered reports whether the producer has messages of it from the start.
func (e *entryEnd) hasRecovered() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.recovered > 0
}

// release is called when one of those has ended.
func (e *entryEnd) release() {
	e.mu.Lock()
	e.recovered--
	released := e.released
	if e.recovered > 0 {
		released = nil
	}
	e.mu.Unlock()
	if released != nil {
		released()
	}
}

// whenReleased sets what is called when the last of those has ended. It must not
// block.
func (e *entryEnd) whenReleased(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.released = f
}

// A recoveredSettler is the owner of one message that the producer has from the
// start.
type recoveredSettler struct {
	entry   *entryEnd
	at      int
	bytes   int
	settled Settled
}

// Settle implements [producer.Settler].
func (s recoveredSettler) Settle(_ int, r producer.Result) {
	s.entry.settle(s.settled, s.at, s.bytes, r)
	s.entry.release()
}
