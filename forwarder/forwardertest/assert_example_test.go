package forwardertest_test

import (
	"testing"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A test of a program that forwards, here forwardAll, while Kafka misbehaves.
func ExampleNoLoss() {
	_ = func(t *testing.T) { // func TestForwardAll(t *testing.T)
		k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
		f, err := forwarder.New(t.Context(), k.Settings())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		k.LoseAnswers(forwardertest.Produce, 5)
		acknowledged := forwardAll(f) // the batch_id of each
		messages := k.Messages(t, "events")
		id := forwardertest.Member("batch_id")
		forwardertest.NoLoss(t, messages, acknowledged, id)
		forwardertest.NoDuplicates(t, messages, id)
		forwardertest.OrderedPerUser(t, messages, forwardertest.Member("n"))
		forwardertest.KeylessSpread(t, messages, 12)
	}
}

func forwardAll(*forwarder.Forwarder) (acknowledged []string) { return nil }
