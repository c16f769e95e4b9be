package receiver

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

const sample = "{\"events\" : [{\"data\":{\"event_name\":\"caf\\u00e9 <x>\"},\"event_type\":\"custom_event\"}], \"mpid\":7,\"n\":1.50,\"message_id\":\"m-1\"}\n"

func TestWebhook_keepsEveryByte(t *testing.T) {
	b := newBench(t)
	says(t, b.hook(sample), http.StatusOK, "", "")
	assert.Equal(t, []string{sample}, b.all())
	info := b.lastInfo(t)
	assert.Equal(t, Info{Door: WebhookDoor, Feed: "hook", Index: -1, Form: OutgoingBatch, Outcome: Kept, Events: 1,
		Bytes: int64(len(sample)), Status: http.StatusOK}, info)
	assert.Empty(t, b.log.String())
}

func TestWebhook_takesEitherSecret(t *testing.T) {
	b := newBench(t)
	for value, status := range map[string]int{
		hookSecret: http.StatusOK, otherSecret: http.StatusOK,
		"": http.StatusUnauthorized, "Bearer Wrong-Secret": http.StatusUnauthorized, "Bearer": http.StatusUnauthorized,
		strings.ToLower(hookSecret): http.StatusUnauthorized, strings.Repeat("x", 5000): http.StatusUnauthorized,
	} {
		req := request(http.MethodPost, "/", strings.NewReader(`{}`))
		req.Header.Set("Authorization", value)
		if value == "" {
			req.Header.Del("Authorization")
		}
		w := do(b.webhook, req)
		if status == http.StatusOK {
			says(t, w, status, "", "")
		} else {
			says(t, w, status, codeCredentials, "Authorization")
			assert.Equal(t, Info{Door: WebhookDoor, Index: -1, Outcome: Failed, Status: status, Err: b.lastInfo(t).Err}, b.lastInfo(t))
		}
	}
	req := request(http.MethodPost, "/", strings.NewReader(`{}`))
	req.Header["Authorization"] = []string{hookSecret, "Bearer Wrong-Secret"}
	says(t, do(b.webhook, req), http.StatusUnauthorized, codeCredentials, "")
	assert.Len(t, b.all(), 2)
	assert.Empty(t, b.quarantined())
	for _, secret := range payload {
		assert.NotContains(t, b.log.String(), secret)
	}
}

func TestWebhook_statusOfOutcomes(t *testing.T) {
	for name, tt := range map[string]struct {
		err     error
		status  int
		code    string
		outcome Outcome
	}{
		"kafka away":       {&forwarder.DeliveryError{Messages: 1, Failures: []forwarder.Failure{{Outcome: forwarder.NotSent, Err: errDown}}}, 503, codeUnavailable, Failed},
		"outcome unknown":  {&forwarder.DeliveryError{Messages: 1, Failures: []forwarder.Failure{{Outcome: forwarder.Unknown, Err: context.DeadlineExceeded}}}, 503, codeUnavailable, Failed},
		"a filter's error": {&forwarder.FilterError{Name: "mine", Err: errors.New("jane@example.com")}, 503, codeUnavailable, Failed},
		"closed":           {forwarder.ErrClosed, 503, codeUnavailable, Failed},
		"anything":         {errDown, 503, codeUnavailable, Failed},
		"too large":        {&forwarder.TooLargeError{Event: 3, Size: 2_000_000, Limit: 1_000_000}, 413, codeTooLarge, Refused},
		"permanent":        {&forwarder.FilterError{Name: "mine", Err: permanent{}}, 400, codeBadRequest, Refused},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.fail(func(*batch.Batch) error { return tt.err })
			w := b.hook(sample)
			says(t, w, tt.status, tt.code, "")
			assert.NotContains(t, w.Body.String(), "b1:9093")
			assert.NotContains(t, w.Body.String(), "mine")
			assert.Equal(t, tt.outcome, b.lastInfo(t).Outcome)
			assert.Equal(t, tt.err, b.lastInfo(t).Err)
			if tt.outcome == Refused {
				require.Len(t, b.quarantined(), 1)
				q := b.quarantined()[0]
				assert.Equal(t, sample, string(q.Body))
				assert.Equal(t, tt.err, q.Reason)
				return
			}
			assert.Empty(t, b.quarantined())
			assert.Regexp(t, `^([5-9]|10)$`, w.Header().Get("Retry-After"))
			b.fail(nil) // it comes again, and is no repetition
			var again *httptest.ResponseRecorder
			require.Eventually(t, func() bool { // an unknown outcome is waited for on another goroutine
				again = b.hook(sample)
				return again.Code != http.StatusServiceUnavailable
			}, time.Minute, time.Millisecond)
			says(t, again, http.StatusOK, "", "")
			assert.Equal(t, Kept, b.lastInfo(t).Outcome)
		})
	}
}

type permanent struct{}

func (permanent) Error() string { return "jane@example.com is not wanted" }

func (permanent) Permanent() bool { return true }

func TestWebhook_otherMethods(t *testing.T) {
	b := newBench(t)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodOptions, http.MethodHead} {
		w := do(b.webhook, request(method, "/", nil))
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Equal(t, http.MethodPost, w.Header().Get("Allow"))
	}
}

func TestWebhook_feedsThatCannotBeAsked(t *testing.T) {
	b := newBench(t)
	b.r.feeds = func(context.Context, string) ([]Feed, error) { return nil, errDown }
	says(t, b.hook(sample), http.StatusServiceUnavailable, codeUnavailable, "credentials")
	says(t, b.post(eventsPath, sample), http.StatusServiceUnavailable, codeUnavailable, "credentials")
}

func TestWebhook_otherForms(t *testing.T) {
	b := newBench(t)
	raw := `{"user_identities":{"email":"jane@example.com"},"events":[]}`
	says(t, b.hook(raw), http.StatusOK, "", "")
	assert.Equal(t, RawDataFeed, b.lastInfo(t).Form)
	assert.Equal(t, []string{raw}, b.all())

	alias := `{"request_type":"alias","data":{"source_mpid":1,"destination_mpid":2}}`
	var taken []string
	var err error
	b.r.options.alias = func(_ context.Context, feed string, body []byte) error {
		taken = append(taken, feed+" "+string(body))
		return err
	}
	says(t, b.hook(alias), http.StatusOK, "", "")
	assert.Equal(t, Kept, b.lastInfo(t).Outcome)
	assert.Equal(t, AliasRequest, b.lastInfo(t).Form)
	assert.Equal(t, []string{"hook " + alias}, taken)
	err = errDown
	says(t, b.hook(alias), http.StatusServiceUnavailable, codeUnavailable, "alias")
	assert.Equal(t, []string{raw}, b.all())
	assert.Empty(t, b.quarantined())
}

// A client that hangs up does not end the delivery of what it has posted.
func TestWebhook_clientThatHangsUp(t *testing.T) {
	b := newBench(t)
	ctx, hangUp := context.WithCancel(t.Context())
	b.r.keeper.forward = func(ctx context.Context, _ *batch.Batch, _ ...spool.Tag) error {
		hangUp()
		_, ok := ctx.Deadline()
		assert.True(t, ok)
		return ctx.Err()
	}
	req := request(http.MethodPost, "/", strings.NewReader(sample)).WithContext(ctx)
	req.Header.Set("Authorization", hookSecret)
	says(t, do(b.webhook, req), http.StatusOK, "", "")
}

func TestWebhook_panicOfTheForwarder(t *testing.T) {
	b := newBench(t)
	b.fail(func(*batch.Batch) error { panic("jane@example.com") })
	says(t, b.hook(sample), http.StatusInternalServerError, codeInternal, "")
	assert.NotContains(t, b.log.String(), "jane")
	b.fail(nil)
	says(t, b.hook(sample), http.StatusOK, "", "")
	assert.Len(t, b.all(), 1, "the claim of the first is gone")
	assert.Zero(t, b.r.room.requestsNow.Load())
}
