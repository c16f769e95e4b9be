// Package contender is the Go producers that are compared, each behind the same
// narrow interface, and the loads that they are put under.
package contender

import (
	"context"
	"fmt"
	"strings"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// A contender sends messages. Calls come from several goroutines at once, each
// with items of its own.
type contender interface {
	// wait sends items in order and returns when all are acknowledged.
	wait(items []*work.Item) error
	// start sends one item; done is called when it is acknowledged or not.
	start(item *work.Item, done func(error))
	close()
}

// open starts the contender that j names. items are all that it will send.
func open(ctx context.Context, j peer.Job, items []*work.Item) (contender, error) {
	switch j.Contender {
	case peer.Forward:
		return newForward(ctx, j, items)
	case peer.Stock:
		return newForward(ctx, j, items, forwarder.WithSaramaProducer())
	case peer.Engine:
		return newSeam(j, startEngine)
	case peer.EngineAll:
		return newSeam(j, startEngineWithLargeRequests)
	case peer.Seam:
		return newSeam(j, startAdapter)
	case peer.Sarama:
		return newSarama(j)
	case peer.Franz:
		return newFranz(j, 0)
	case peer.FranzWait:
		return newFranz(j, linger)
	case peer.FranzLong:
		return newFranz(j, longLinger)
	case peer.Confluent:
		return newConfluent(j)
	case peer.FromBytes:
		return newFromBytes(ctx, j)
	case peer.Structs:
		return newByHand(j, 0, withStructs)
	case peer.StructsWait:
		return newByHand(j, linger, withStructs)
	case peer.JSONv2:
		return newByHand(j, 0, withJSONv2)
	case peer.JSONv2Wait:
		return newByHand(j, linger, withJSONv2)
	case peer.Sonic:
		return newByHand(j, 0, withSonic)
	case peer.SonicWait:
		return newByHand(j, linger, withSonic)
	case peer.Webhook:
		return newWebhook(ctx, j)
	case peer.StructsPosted:
		return newStructsPosted(j, 0)
	case peer.StructsPostedWait:
		return newStructsPosted(j, linger)
	}
	return nil, fmt.Errorf("contender: no contender is called %q", j.Contender)
}

func servers(j peer.Job) []string { return strings.Split(j.Servers, ",") }

// A starter is a contender that can only start; waiting is made of it.
type starter func(item *work.Item, done func(error))

func (s starter) waitAll(items []*work.Item) error {
	errs := make(chan error, len(items))
	done := func(err error) { errs <- err }
	for _, i := range items {
		s(i, done)
	}
	var failed error
	for range items {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	return failed
}
