package forwarder

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Kafka may acknowledge a stored batch before the call that has stored it goes on. The
// memory of its messages is given back once even so: two batches would share it.
func TestKeptDelivery_acknowledgedFirst(t *testing.T) {
	f := withProducer(t, prompt{}, nil)
	defer f.Close()
	b := events(t, 30)
	c := f.newCall(t.Context(), b)
	o, _, err := f.pipeline.outlineOf(t.Context(), b)
	require.NoError(t, err)
	owner := &recycling{call: c}
	c.own.outline = o
	c.own.encode(owner, b, &f.pool)
	k := newKeptDelivery(&c.own, nil)
	require.NotNil(t, k.memory)
	for i := range k.delivery.messages {
		k.delivery.settleStored(i, producer.Result{Outcome: producer.Acknowledged})
	}
	assert.Zero(t, k.delivery.pending)
	assert.NotNil(t, k.memory, "it is the call's to give back")
	assert.Zero(t, owner.recycled)
}

// Memory that the store keeps until it is sent is no other batch's meanwhile.
func TestKeptDelivery_handedOver(t *testing.T) {
	f := withProducer(t, prompt{}, nil)
	defer f.Close()
	b := events(t, 30)
	for range 20 { // as a pool may lose what it is given
		o, _, err := f.pipeline.outlineOf(t.Context(), b)
		require.NoError(t, err)
		d := &delivery{outline: o}
		d.encode(f.newCall(t.Context(), b), b, &f.pool)
		k := newKeptDelivery(d, nil)
		memory := k.memory
		k.ticket.KeptMemory = true
		k.handedOver(&f.pool)
		assert.NotSame(t, memory, f.pool.take(cap(*memory)))
		assert.Nil(t, k.memory)
	}
}

// A recycling counts the memory that a delivery gives back.
type recycling struct {
	*call
	recycled int
}

func (r *recycling) recycle(*[]byte) { r.recycled++ }

func (r *recycling) messagesSettled(int, producer.Outcome, bool, bool) {}
