package durable

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A forwarder that finds batches on the disk tells that it is open before it tells
// the end of the first, however long an observer takes for that.
func TestObserver_openedFirst(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := openSpool(t, t.TempDir(), small())
	fault := k.Unreachable()
	f := start(t, k, s, forwarder.WithoutProbe())
	storeSome(t, f, 0, 3)
	require.NoError(t, f.Close())
	fault.Stop()

	told := make(chan string, 10)
	f = start(t, k, s, forwarder.WithObserver(forwarder.Observer{
		Opened: func(info forwarder.OpenedInfo) {
			assert.Equal(t, 3, info.Stats().Spool.Messages)
			<-time.After(200 * time.Millisecond) // in which one that is told too early would be
			told <- "opened"
		},
		Settled: func(context.Context, forwarder.ForwardInfo) { told <- "settled" },
		Closed:  func() { told <- "closed" },
	}))
	drainAll(t, f)
	close(told)
	var order []string
	for event := range told {
		order = append(order, event)
	}
	assert.Equal(t, []string{"opened", "settled", "settled", "settled", "closed"}, order)
}
