package receiver

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/batch"
)

func TestWebhook_overload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, WithLimits(Limits{Requests: 3}))
		release := make(chan struct{})
		b.fail(func(*batch.Batch) error { <-release; return nil })
		var posts sync.WaitGroup
		for range 3 {
			posts.Go(func() { says(t, b.hook(`{}`), http.StatusOK, "", "") })
		}
		synctest.Wait()
		w := b.hook(sample)
		says(t, w, http.StatusServiceUnavailable, codeOverload, "")
		assert.Regexp(t, "^[1-3]$", w.Header().Get("Retry-After"))
		w = b.post(eventsPath, sample)
		says(t, w, http.StatusTooManyRequests, codeOverload, "")
		assert.Regexp(t, "^[1-3]$", w.Header().Get("Retry-After"))
		close(release)
		posts.Wait()
		says(t, b.hook(sample), http.StatusOK, "", "")
	})
}

func TestWebhook_bytesInFlightAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, WithLimits(Limits{WebhookBody: 1000, ServerBody: 1000, BytesInFlight: 2000}))
		release := make(chan struct{})
		b.fail(func(*batch.Batch) error { <-release; return nil })
		large := `{"a":"` + strings.Repeat("x", 900) + `"}`
		var posts sync.WaitGroup
		for range 2 {
			posts.Go(func() { says(t, b.hook(large), http.StatusOK, "", "") })
		}
		synctest.Wait()
		says(t, b.hook(large), http.StatusServiceUnavailable, codeOverload, "")
		close(release)
		posts.Wait()
		assert.Zero(t, b.r.room.bytesInUse.Load())
		says(t, b.hook(large), http.StatusOK, "", "")
	})
}

// The conversion of a body of tiny events takes many times the bytes of the body: that
// counts as well, so that such bodies are not converted side by side without bound. One
// alone is always taken.
func TestServerAPI_conversionCounts(t *testing.T) {
	const event = `{"event_type":"custom_event","data":{}}`
	batchOf := func(events int) string { return `{"events":[` + strings.Repeat(event+",", events-1) + event + `]}` }
	for path, body := range map[string]string{eventsPath: batchOf(5000), bulkPath: "[" + batchOf(2500) + "," + batchOf(2500) + "]"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, WithLimits(Limits{WebhookBody: 1 << 20, ServerBody: 1 << 20, BytesInFlight: 2 << 20}))
			release := make(chan struct{})
			b.fail(func(*batch.Batch) error { <-release; return nil })
			var posts sync.WaitGroup
			posts.Go(func() { says(t, b.post(path, body), http.StatusAccepted, "", "") })
			synctest.Wait()
			assert.Greater(t, b.r.room.bytesInUse.Load(), int64(4*len(body)))
			says(t, b.post(path, body), http.StatusTooManyRequests, codeOverload, "")
			close(release)
			posts.Wait()
			assert.Zero(t, b.r.room.bytesInUse.Load())
			says(t, b.post(path, body), http.StatusAccepted, "", "")
		})
	}
}
