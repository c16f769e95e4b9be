package receiver

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

func TestWebhook_recognisesRepetitions(t *testing.T) {
	b := newBench(t)
	says(t, b.hook(sample), http.StatusOK, "", "")
	says(t, b.hook(sample), http.StatusOK, "", "")
	assert.Equal(t, Repeated, b.lastInfo(t).Outcome)
	assert.Equal(t, []string{sample}, b.all())

	other := strings.Replace(sample, "1.50", "1.5", 1)
	says(t, b.hook(other), http.StatusOK, "", "")
	assert.Equal(t, Kept, b.lastInfo(t).Outcome)
	assert.True(t, b.lastInfo(t).SameID, "the same id with another body is kept, and told")
	says(t, b.hook(sample), http.StatusOK, "", "")
	assert.Equal(t, Repeated, b.lastInfo(t).Outcome)
	assert.Equal(t, []string{sample, other}, b.all())

	for range 2 { // without an id nothing is a repetition
		says(t, b.hook(`{"mpid":7}`), http.StatusOK, "", "")
	}
	assert.Len(t, b.all(), 4)

	b.clock = b.clock.Add(rememberedFor + time.Second)
	says(t, b.hook(sample), http.StatusOK, "", "")
	assert.Equal(t, Kept, b.lastInfo(t).Outcome)
}

func TestWebhook_repetitionsAreBounded(t *testing.T) {
	b := newBench(t, WithLimits(Limits{Remembered: 10}))
	for i := range 100 {
		says(t, b.hook(fmt.Sprintf(`{"message_id":"%d"}`, i)), http.StatusOK, "", "")
		require.LessOrEqual(t, len(b.r.seen.claims), 11)
	}
	says(t, b.hook(`{"message_id":"99"}`), http.StatusOK, "", "")
	assert.Equal(t, Repeated, b.lastInfo(t).Outcome)
	says(t, b.hook(`{"message_id":"9"}`), http.StatusOK, "", "")
	assert.Equal(t, Kept, b.lastInfo(t).Outcome)
}

// Posts of the same batch that come while the first is under way get its outcome.
func TestWebhook_repetitionsWaitForTheFirst(t *testing.T) {
	for name, outcome := range map[string]error{"kept": nil, "failed": errDown} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				release := make(chan struct{})
				b.fail(func(*batch.Batch) error { <-release; return outcome })
				var posts sync.WaitGroup
				codes := make(chan int, 5)
				for range cap(codes) {
					posts.Go(func() { codes <- b.hook(sample).Code })
				}
				synctest.Wait()
				assert.Equal(t, 1, b.called())
				close(release)
				posts.Wait()
				want := http.StatusOK
				if outcome != nil {
					want = http.StatusServiceUnavailable
				}
				for range cap(codes) {
					assert.Equal(t, want, <-codes)
				}
				assert.Equal(t, 1, b.called())
			})
		})
	}
}

func TestWebhook_repetitionGivesUpAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		release := make(chan struct{})
		b.fail(func(*batch.Batch) error { <-release; return nil })
		go b.hook(sample)
		synctest.Wait()
		start := time.Now()
		says(t, b.hook(sample), http.StatusServiceUnavailable, codeUnavailable, "")
		assert.Equal(t, defaultDeadline, time.Since(start))
		close(release)
		synctest.Wait()
		says(t, b.hook(sample), http.StatusOK, "", "")
		assert.Len(t, b.all(), 1)
	})
}
