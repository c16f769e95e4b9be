package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// faults causes one failure after the other.
type faults struct {
	kafka   *apachekafka.Cluster
	gateway *gateway
	callers *callers
	every   time.Duration
	after   time.Duration // how long a fault is not over yet for latencies
	say     func(format string, args ...any)

	resets, kills, brokerKills int
}

// run goes on until ctx ends or a process does not start again.
func (f *faults) run(ctx context.Context) error {
	life := context.WithoutCancel(ctx) // what was ended is started again
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(f.every):
		}
		f.callers.disturbed.Store(true)
		if err := f.cause(life, n); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(f.after):
		}
		f.callers.disturbed.Store(false)
	}
}

func (f *faults) cause(ctx context.Context, n int) error {
	began := time.Now()
	switch n % 3 {
	case 0:
		f.callers.reset()
		f.resets++
		f.say("all connections of the callers were reset")
	case 1:
		if err := f.gateway.stop(ctx, os.Kill); err != nil {
			return fmt.Errorf("killing the gateway: %w", err)
		}
		f.kills++
		if err := f.gateway.start(ctx); err != nil {
			return err
		}
		f.say("the gateway was killed, and serves again after %v", time.Since(began).Round(time.Millisecond))
	default:
		brokers := f.kafka.Brokers()
		id := brokers[n/3%len(brokers)]
		f.kafka.Kill(id)
		f.brokerKills++
		if err := f.kafka.Restart(ctx, id); err != nil {
			return fmt.Errorf("starting broker %d again: %w", id, err)
		}
		f.say("broker %d was killed, and serves again after %v", id, time.Since(began).Round(time.Millisecond))
	}
	return nil
}
