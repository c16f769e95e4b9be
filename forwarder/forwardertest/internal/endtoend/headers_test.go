package endtoend

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// headers: those of WithHeaders are on every message and every part, by both
// producers. A message that counts as much as max_message_bytes is one that a topic
// with the same limit takes, however many headers it has; with a byte more it is
// split.
func (k target) headers(t *testing.T) {
	many := make([]forwarder.Header, 100) // of the least size, where the format adds most
	for i := range many {
		many[i] = forwarder.Header{Key: string(rune('a' + i%26))}
	}
	for name, tt := range map[string]struct {
		headers []forwarder.Header
		options []forwarder.Option
	}{
		"few":                     {headers: []forwarder.Header{{Key: "traceparent", Value: []byte("00-1")}, {Key: "empty"}, {Key: "binary", Value: []byte{0, 0xff}}}},
		"few, Sarama's producer":  {headers: []forwarder.Header{{Key: "traceparent", Value: []byte("00-1")}, {Key: "empty"}}, options: []forwarder.Option{forwarder.WithSaramaProducer()}},
		"many":                    {headers: many},
		"many, Sarama's producer": {headers: many, options: []forwarder.Option{forwarder.WithSaramaProducer()}},
	} {
		t.Run(name, func(t *testing.T) {
			s := k.settingsWithLimit(t, 1, strconv.Itoa(splitLimit))
			s.Delivery.MaxMessageBytes, s.Delivery.Compression = splitLimit, settings.NoCompression
			f := start(t, s, append(tt.options, forwarder.WithHeaders(func(context.Context, *batch.Batch) []forwarder.Header {
				return tt.headers
			}))...)
			size := len("42") + 128
			var want []forwardertest.Header
			for _, h := range tt.headers {
				size += len(h.Key) + len(h.Value) + 10
				want = append(want, forwardertest.Header{Key: h.Key, Value: append([]byte{}, h.Value...)})
			}
			padded := func(size int) string {
				const text = `{"mpid":42,"events":[{"event_type":"opt_out"},{"event_type":"opt_out"}],"pad":"%s"}`
				return fmt.Sprintf(text, strings.Repeat("x", size-len(text)+len("%s")))
			}
			exact, more := padded(splitLimit-size), padded(splitLimit-size+1)
			forward(t, f, exact, more)

			messages := read(t, s)
			require.Len(t, messages, 3)
			assert.Equal(t, exact, string(messages[0].Value))
			assert.Equal(t, want, messages[0].Headers)
			for i, m := range messages[1:] {
				part := forwardertest.Header{Key: "eventferry-part", Value: fmt.Appendf(nil, "%d/2", i+1)}
				assert.Equal(t, append([]forwardertest.Header{part}, want...), m.Headers)
			}
		})
	}
}
