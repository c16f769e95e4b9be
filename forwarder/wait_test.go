package forwarder

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// The cause is wrapped by the error of a deadline, next to the context's.
func TestForward_deadlineErrorNamesCause(t *testing.T) {
	cause := errors.New("b1:9093 refused user")
	for name, c := range map[string]struct {
		after time.Duration
		waits []producer.Waiting
		found error
		want  error
	}{
		"diagnosed":                    {10 * time.Second, []producer.Waiting{{Partition: 3}}, cause, cause},
		"too soon, the producer knows": {100 * time.Millisecond, []producer.Waiting{{Partition: 3, Cause: cause}}, nil, cause},
		"another partition waits":      {100 * time.Millisecond, []producer.Waiting{{Partition: 4, Cause: cause}}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fakeProducer{}
				f := withProbe(t, p, fakeProbe{cause: c.found}, nil)
				defer f.Close()
				for i := range c.waits {
					c.waits[i].Since = time.Now()
				}
				p.setWaiting(c.waits...)
				ctx, cancel := context.WithTimeout(t.Context(), c.after)
				defer cancel()
				err := f.Forward(ctx, events(t, 1))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				if c.want == nil {
					assert.NotErrorIs(t, err, cause)
					return
				}
				assert.ErrorIs(t, err, c.want)
				assert.False(t, Permanent(err))
			})
		})
	}
}

// The observer gets each wait as a WaitInfo.
func TestObserver_waiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("no leader")
		var told []WaitInfo
		p := &fakeProducer{}
		f := withProducer(t, p, func(_ *settings.Settings, o *options) {
			o.observer.Waiting = func(_ context.Context, i WaitInfo) { told = append(told, i) }
		})
		defer f.Close()
		f.ForwardAsync(t.Context(), events(t, 1), nil)
		since := time.Now()
		p.setWaiting(producer.Waiting{Partition: 3, Since: since, Cause: cause, Next: "trying again"})
		<-time.After(5 * time.Second)
		synctest.Wait()
		assert.Equal(t, []WaitInfo{{Partition: 3, Since: since, Cause: cause, Next: "trying again"}}, told)
	})
}
