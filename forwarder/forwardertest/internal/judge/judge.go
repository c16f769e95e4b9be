// Package judge finds out whether a forwarder keeps its promises. It starts a
// separate process that forwards batches, injects faults into that process and
// its Kafka, reads everything back with another client and compares.
//
// # What is compared
//
// The process under test writes each call and each outcome into a pipe before
// it acts on it, so that it may be killed at any moment. Batches carry the
// number of their owner, a number that counts the owner's attempts and an id
// that a resend keeps; all their bytes follow from these and from the seed. The
// invariants are listed at [Lost] and the following.
//
// They hold for both producers. Of its own engine the forwarder promises more:
// messages that a broker refuses for their own sake fail alone, and calls wait
// for rights that are withdrawn. Sarama's producer may fail calls then.
//
// # With a spool
//
// Each call stores or forwards, and the process is killed by SIGKILL again and
// again. What was stored is in the log once, or in the refused part with the reason
// that it may be there, which only a fault in which brokers forget may bring about.
// A user's order holds over all lives, and so do the timestamps of a partition.
//
// In the situation without a leader brokers of Apache Kafka keep producer ids for ten seconds
// (producer.id.expiration.ms), and the process is told so (spool.Options.ProducerIDExpiration).
// The next one starts when no replica knows a producer of the topic any more. What it holds
// then is at most one record batch of each partition, for that reason. A process that is not
// told writes it twice: TestSituation_idsForgotten. The embedded brokers forget nothing. There
// the process is told two seconds, and what it takes for forgotten may still be recognised.
//
// The full disk is a spool whose max_bytes are in use; TestStore_diskFull of the suite
// durable fills a file system.
//
// # With routes
//
// Each batch has events for one topic or for two. All checks hold for each topic by
// itself: an event is once in the topic of its route and in no other, a user's batches are
// in order there, and both messages of a batch have its envelope byte for byte. Outcomes
// and errors name the topic that they are about.
//
// # With windows
//
// On a spool, batches of a device may leave as one message. Each message is taken apart:
// each of its events is one that was stored, all of them are of one device, the rest of
// it is what the last of its batches said, and nothing is behind an event that closes a
// window. What holds for a batch alone holds for its events: once, all or none, and in
// the order of their device.
//
// # Behind a door
//
// Batches are posted to the webhook of package receiver, one after the other of each
// user, and what is not answered 2xx is posted again. On a spool 2xx means stored: the
// next life of a killed process first gets the posts again that had no answer, the same
// bytes under the same message_id, and before half of the kills the process stores
// without answering.
//
// # What keeps the judge honest
//
// A fault counts when a request was in flight and a connection or an answer has
// changed. Controls put broken clients in the forwarder's place: each must be
// caught by the invariant that it breaks.
package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// ErrFailed is a verdict, not a mistake of the judge.
var ErrFailed = errors.New("judge: FAILED")

// one makes one run.
func one(ctx context.Context, g *testbed, seed uint64, o Options, w io.Writer) error {
	dir, remove, err := folder(o.Keep, fmt.Sprintf("seed-%d", seed))
	if err != nil {
		return err
	}
	g.required = o.demanded(g.required)
	r, err := newRun(g, dir, seed, o.Goals, load.Candidate{Producer: o.Producer, Door: o.Door})
	if err != nil {
		return err
	}
	if err := r.do(ctx); err != nil {
		printf(w, "%s, %s, seed %d: the judge failed after %s: %v; its files: %s\n", g.name, r.config.Candidate, seed, time.Since(r.began).Round(time.Second), err, dir)
		r.report(w, g.name, err)
		return errors.Join(ErrFailed, err)
	}
	r.checkCoverage()
	if !r.report(w, g.name, nil) {
		printf(w, "  history and log: %s\n", dir)
		return ErrFailed
	}
	return remove()
}

// folder makes a folder for a run's files. remove does nothing if they are to
// be kept.
func folder(keep, name string) (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp(keep, "eventferry-judge-"+name+"-")
	if err != nil {
		return "", nil, fmt.Errorf("judge: %w", err)
	}
	if keep != "" {
		return dir, func() error { return nil }, nil
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}
