package refusals

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// TestCodes: for each code that a produce request may be answered with, the error
// has the right outcome and permanence, and says what to do.
func TestCodes(t *testing.T) {
	for _, c := range produceCodes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := answered(t, c)
			for tries := 1; c.ending == withdrawn && !forwarder.NothingSent(err) && tries < maxAttemptsUnderWay; tries++ {
				err = answered(t, c)
			}
			assert.Equal(t, c.ending == permanent, forwarder.Permanent(err))
			assert.Equal(t, c.ending != uncertain, forwarder.NothingSent(err))
			outcome := forwarder.NotSent
			if c.ending == uncertain {
				outcome = forwarder.Unknown
			}
			var failed *forwarder.DeliveryError
			require.ErrorAs(t, err, &failed)
			require.Len(t, failed.Failures, 1)
			assert.Equal(t, outcome, failed.Failures[0].Outcome)
			assert.ErrorIs(t, err, sarama.KError(c.code))
			assertAdvice(t, err.Error())
		})
	}
}

// maxAttemptsUnderWay bounds how often a caller may give up just while an attempt
// is under way, whose outcome is unknown then.
const maxAttemptsUnderWay = 4

// answered returns the error of a message that brokers answer with a code, whose
// caller gives up once it waits.
func answered(t *testing.T, c produceCode) error {
	t.Helper()
	k := forwardertest.NewKafka(t)
	r := run(t, k.Settings())
	fault := k.Fail(forwardertest.Produce, c.code, forwardertest.UntilStopped)
	defer fault.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result := make(chan error, 1)
	r.ForwardAsync(ctx, r.batch, func(err error) { result <- err })
	atOnce := c.ending == permanent || c.ending == mendable
	if !atOnce {
		require.NoError(t, fault.Wait(ctx, 1))
		require.Eventually(t, func() bool { return len(r.waited()) > 0 }, 30*time.Second, 10*time.Millisecond)
		cancel()
	}
	err := <-result
	t.Logf("%d %s: permanent %t, nothing sent %t: %v", c.code, c.name, forwarder.Permanent(err), forwarder.NothingSent(err), err)
	require.Error(t, err)
	if atOnce {
		assert.Eventually(t, func() bool { return strings.Contains(r.logged(), `msg="message refused"`) }, 30*time.Second, 10*time.Millisecond)
	}
	return err
}

// assertAdvice asserts that REFUSALS.md lists the advice in the text of an error,
// and that it is given once.
func assertAdvice(t *testing.T, text string) {
	t.Helper()
	_, cause, found := strings.Cut(text, "delivery waits: ")
	if !found {
		_, cause, found = strings.Cut(text, "(partition ")
		_, cause, _ = strings.Cut(cause, "): ")
	}
	assert.True(t, found, text)
	assert.True(t, documented(t, cause), "forwarder/REFUSALS.md lists all texts: %s", cause)
	assert.NotContains(t, text, "\n")
	for _, advice := range []string{"grant it", "create it", "delivery.compression", "min.insync.replicas"} {
		assert.LessOrEqual(t, strings.Count(text, ": "+advice), 1, text)
	}
}
