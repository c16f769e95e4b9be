package forwarder_test

import (
	"context"
	"errors"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// Dead-letter, requeue, or wait.
func ExampleDeliveryError() {
	decide := func(ctx, later context.Context, f *forwarder.Forwarder, b *batch.Batch) error {
		err := f.Forward(ctx, b)
		if d, ok := errors.AsType[*forwarder.DeliveryError](err); ok {
			err = d.Wait(later) // for what is unknown; it sends nothing
		}
		switch {
		case err == nil: // acknowledged, or dropped by a filter or a setting
			return nil
		case forwarder.Permanent(err): // it can never succeed
			return deadLetter(b, err)
		case forwarder.NothingSent(err): // sending it again cannot duplicate it
			return requeue(b)
		default: // it may be in Kafka: sending it again may duplicate it
			return requeueOrReport(b, err)
		}
	}
	_ = decide
}

func deadLetter(*batch.Batch, error) error      { return nil }
func requeue(*batch.Batch) error                { return nil }
func requeueOrReport(*batch.Batch, error) error { return nil }
