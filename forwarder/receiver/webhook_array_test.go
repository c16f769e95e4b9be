package receiver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

func TestWebhook_array(t *testing.T) {
	b := newBench(t)
	says(t, b.hook(`[{"mpid":1,"message_id":"a"}, {"mpid":2}]`), http.StatusOK, "", "")
	assert.Equal(t, []string{`{"mpid":1,"message_id":"a"}`, `{"mpid":2}`}, b.all())

	// The good ones are kept, and the answer is about the others.
	w := b.hook(`[{"mpid":3}, {"mpid":"jane@example.com"}, {"mpid":1,"message_id":"a"}, {"request_type":"alias"}]`)
	says(t, w, http.StatusBadRequest, codeAlias, "batch: [3]: an alias request")
	assert.Contains(t, problems(t, w)[1].Message, "[1]: mpid: not a 64-bit integer at byte 21")
	assert.Equal(t, []string{`{"mpid":1,"message_id":"a"}`, `{"mpid":2}`, `{"mpid":3}`}, b.all())
	require.Len(t, b.quarantined(), 2)
	assert.Equal(t, `{"mpid":"jane@example.com"}`, string(b.quarantined()[1].Body))
	assert.Equal(t, 1, b.quarantined()[1].Index)

	// While one may work later nothing is refused, since all of it comes again.
	b.fail(func(x *batch.Batch) error {
		if id, _ := x.UserID(); id == 5 {
			return errDown
		}
		return nil
	})
	says(t, b.hook(`[{"mpid":4,"message_id":"d"},{"mpid":5,"message_id":"e"},{"mpid":x}]`), http.StatusBadRequest, codeBadRequest, "[2]: not JSON")
	says(t, b.hook(`[{"mpid":4,"message_id":"d"},{"mpid":5,"message_id":"e"},{"mpid":"x"}]`), http.StatusServiceUnavailable, codeUnavailable, "")
	require.Len(t, b.quarantined(), 3)
	b.fail(nil)
	says(t, b.hook(`[{"mpid":4,"message_id":"d"},{"mpid":5,"message_id":"e"},{"mpid":"x"}]`), http.StatusBadRequest, codeBadRequest, "[2]")
	assert.Equal(t, []string{`{"mpid":4,"message_id":"d"}`, `{"mpid":5,"message_id":"e"}`}, b.all()[3:])

	says(t, b.hook("["+strings.Repeat("{},", 100)+"{}]"), http.StatusBadRequest, codeBadRequest, "more than 100 batches")
	says(t, b.hook(`[{"message_id":"twice"},{"message_id":"twice"}]`), http.StatusOK, "", "")
	assert.Len(t, b.all(), 6)
}
