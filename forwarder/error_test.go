package forwarder

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// A caller's tests may make one by hand.
func TestDeliveryError_byHand(t *testing.T) {
	err := failing(2, Failure{Outcome: NotSent, Partition: -1, Err: context.Canceled})
	assert.Same(t, err, err.Wait(t.Context()))
	assert.Nil(t, err.Remaining())
	assert.EqualError(t, err, "forwarder: delivering: 1 of 2 messages not acknowledged: first is not sent: context canceled")
	assert.EqualError(t, &DeliveryError{}, "forwarder: delivering: 0 of 0 messages not acknowledged")
}

// A dropped event is in no message, so it is not among those that were not sent.
func TestDeliveryError_Remaining(t *testing.T) {
	for name, c := range map[string]struct {
		split bool
		sent  int // of the messages, the first ones
		want  string
	}{
		"one message":     {want: "1 3"},
		"all of several":  {split: true, want: "1 3"},
		"one of several":  {split: true, sent: 1, want: "3"},
		"none of several": {split: true, sent: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fakeProducer{}
				f := withProducer(t, p, func(s *settings.Settings, o *options) {
					if c.split {
						s.SendAsBatch = settings.Off
					}
					o.filters = []namedFilter{filter("even", func(_ context.Context, b *batch.Batch) error {
						b.DropEvents("even", func(e batch.Event) bool { return e.Index()%2 == 0 })
						return nil
					})}
				})
				result := make(chan error, 1)
				go func() { result <- f.Forward(t.Context(), events(t, 5)) }()
				synctest.Wait()
				p.hand(p.groups[0], c.sent)
				require.NoError(t, f.Close())
				var d *DeliveryError
				require.ErrorAs(t, <-result, &d)
				rest := d.Remaining()
				if c.want == "" {
					assert.Nil(t, rest)
					return
				}
				var numbers []string
				for _, e := range rest.Events() {
					numbers = append(numbers, string(e.At("data", "n").Raw()))
				}
				assert.Equal(t, c.want, strings.Join(numbers, " "))
			})
		})
	}
}
