package forwardertest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

func TestFault_Unreachable_overlapping(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(2))
	c := client(t, k.Settings())
	all, one, again := k.Unreachable(), k.Unreachable(1), k.Unreachable(1)
	one.Stop()
	all.Stop()
	require.NoError(t, put(t, c, 0, "a"))
	assert.Error(t, put(t, client(t, k.Settings(), kgo.RecordDeliveryTimeout(time.Second)), 1, "b"), "one is in force yet")
	again.Stop()
	require.NoError(t, put(t, c, 1, "c"))
}

func TestFault_Silence_overlapping(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 1))
	c := client(t, k.Settings(), once()...)
	require.NoError(t, put(t, c, 0, "first"))
	pingFails := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		assert.ErrorIs(t, client(t, k.Settings()).Ping(ctx), context.DeadlineExceeded)
	}
	first := k.Silence()
	result := make(chan error, 1)
	c.Produce(soon(t), &kgo.Record{Value: []byte("a")}, func(_ *kgo.Record, err error) { result <- err })
	pingFails()
	second := k.Silence()
	first.Stop()
	pingFails()
	assert.Empty(t, result)
	assert.Equal(t, 1, k.Requests(forwardertest.Produce), "it is not even read")
	second.Stop()
	assert.NoError(t, <-result)
	assert.Equal(t, []string{"first", "a"}, values(k.Messages(t, "t")))
}

// A broker that fails a request with success would acknowledge what it does not
// write.
func TestFault_Fail_noError(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("t", 1))
	const refusal = "forwardertest: a fault with error code 0, which means success: give the code of an error"
	for name, set := range map[string]func(){
		"Fail":              func() { k.Fail(forwardertest.Produce, 0, 1) },
		"Fail, no topic":    func() { k.Fail(forwardertest.Metadata, 0, 1) },
		"FailCodecs":        func() { k.FailCodecs("t", 0) },
		"FailCodecs, none":  func() { k.FailCodecs("elsewhere", 0) },
		"ForgetProducerIDs": func() { k.ForgetProducerIDs("t", 0) },
	} {
		assert.PanicsWithValue(t, refusal, set, name)
	}
	require.NoError(t, put(t, client(t, k.Settings(), once()...), 0, "a"))
	assert.Equal(t, []string{"a"}, values(k.Messages(t, "t")))
	assert.Zero(t, k.FaultHits())
}
