package apachekafka

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestAwaitBroker(t *testing.T) {
	type answer struct {
		known bool
		err   error
	}
	for _, c := range []struct {
		name    string
		answers []answer // the last one again and again
		asked   int
		err     error
	}{
		{name: "at once", answers: []answer{{known: true}}, asked: 1},
		{name: "later", answers: []answer{{}, {}, {known: true}}, asked: 3},
		{name: "down", answers: []answer{{}, {err: errors.New("connection refused")}}, asked: 2},
		{name: "refused", answers: []answer{{err: kerr.ClusterAuthorizationFailed}}, asked: 1, err: kerr.ClusterAuthorizationFailed},
		{name: "never", answers: []answer{{}}, asked: 20, err: context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*poll-poll/2)
				defer cancel()
				asked := 0
				err := awaitBroker(ctx, nil, func(context.Context, *kgo.Broker) (bool, error) {
					a := c.answers[min(asked, len(c.answers)-1)]
					asked++
					return a.known, a.err
				})
				assert.ErrorIs(t, err, c.err)
				assert.Equal(t, c.asked, asked)
			})
		})
	}
}

// A paused broker hangs; it is not waited for.
func TestAwaitBroker_deaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		err := awaitBroker(t.Context(), nil, func(ctx context.Context, _ *kgo.Broker) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		})
		assert.NoError(t, err)
		assert.Equal(t, answerTimeout, time.Since(begun))
	})
}
