package forwarder

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// All that wait for the end of a delivery go on with it, also those that come later.
// Whoever does finds the messages counted.
func TestDelivery_over(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		owner := &counting{}
		d := &delivery{owner: owner}
		d.setMessages([]message{{}, {}})
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		wentOn := make(chan int, 3) // how many messages are counted then
		wait := func() {
			assert.True(t, d.over.wait(t.Context()))
			wentOn <- owner.settled
		}
		go wait()
		for i := range 2 {
			go wait()
			synctest.Wait()
			assert.False(t, d.over.wait(ended))
			assert.Empty(t, wentOn)
			owner.within = func() { assert.False(t, d.over.isGiven(), "message %d is not counted yet", i) }
			d.groups[0].Settle(i, producer.Result{Outcome: producer.Acknowledged})
		}
		for range 3 {
			assert.Equal(t, 2, <-wentOn)
		}
		assert.True(t, d.over.wait(ended))
	})
}

// A counting owner counts settled messages.
type counting struct {
	deliveryOwner
	settled int
	within  func()
}

func (c *counting) acknowledged(*topicGroup, int32) {}

func (c *counting) messagesSettled(n int, _ producer.Outcome, _, _ bool) {
	c.within()
	c.settled += n
}
