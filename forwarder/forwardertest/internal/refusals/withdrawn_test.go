package refusals

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// TestRunning_withdrawn: while callers give up one after the other, the log says
// that delivery waits each time, and that it has resumed only when it has.
func TestRunning_withdrawn(t *testing.T) {
	t.Parallel()
	k := forwardertest.NewKafka(t)
	r := run(t, k.Settings())
	denied := k.Fail(forwardertest.Produce, int16(sarama.ErrTopicAuthorizationFailed), forwardertest.UntilStopped)
	lines := func(text string) int { return strings.Count(r.logged(), text) }
	for round := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		r.ForwardAsync(ctx, r.batch, func(err error) { result <- err })
		require.Eventually(t, func() bool { return lines(`msg="delivery waits"`) == round+1 }, time.Minute, 10*time.Millisecond)
		cancel()
		err := <-result
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, strings.Count(err.Error(), "grant it"), "one advice is enough: %v", err)
		require.Eventually(t, func() bool { return lines(`msg="nothing waits any more"`) == round+1 }, time.Minute, 10*time.Millisecond)
	}
	assert.Zero(t, lines("delivery resumed"))

	result := make(chan error, 1)
	r.ForwardAsync(t.Context(), r.batch, func(err error) { result <- err })
	require.Eventually(t, func() bool { return lines(`msg="delivery waits"`) == 3 }, time.Minute, 10*time.Millisecond)
	denied.Stop()
	require.NoError(t, <-result)
	require.Eventually(t, func() bool { return lines(`msg="delivery resumed"`) == 1 }, time.Minute, 10*time.Millisecond)
}
