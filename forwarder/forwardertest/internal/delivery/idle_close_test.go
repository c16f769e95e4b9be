package delivery

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A connection that the broker closed while it was idle is not written to: what
// is sent next is not in doubt.
func TestIdleClose(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f := open(t, k)
	var l ledger
	l.send(within(t, time.Minute), t, f, 7, 10)
	l.waiting.Wait()
	<-time.After(200 * time.Millisecond) // the connection is idle
	require.NotZero(t, k.CutConnections())
	unreachable := k.Unreachable()
	defer unreachable.Stop()

	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	e, b := l.make(t, 7, 10)
	l.note(e, f.Forward(ctx, b))
	require.Error(t, e.err)
	assert.True(t, forwarder.NothingSent(e.err), "%v", e.err)
}
