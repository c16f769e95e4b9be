package forwarder

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A caller's tests may make one by hand.
func TestDeliveryError_byHand(t *testing.T) {
	err := failing(2, Failure{Outcome: NotSent, Partition: -1, Err: context.Canceled})
	assert.Same(t, err, err.Wait(t.Context()))
	assert.Nil(t, err.Remaining())
	assert.EqualError(t, err, "forwarder: delivering: 1 of 2 messages not acknowledged: first is not sent: context canceled")
	assert.EqualError(t, &DeliveryError{}, "forwarder: delivering: 0 of 0 messages not acknowledged")
}
