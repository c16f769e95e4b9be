package mission

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// split: a batch above max_message_bytes becomes messages that Kafka takes
// with the same limit, and a single event above it is refused by itself.
func (k target) split(t *testing.T) {
	const limit, events = 2000, 30
	s := k.settingsWithLimit(t, 3, strconv.Itoa(limit))
	s.Delivery.MaxMessageBytes = limit
	s.Delivery.Compression = settings.NoCompression
	f := start(t, s)
	large := func(id string, each int) string {
		texts := make([]string, events)
		for i := range texts {
			texts[i] = fmt.Sprintf(`{"event_type":"custom_event","data":{"n":%d,"pad":%q}}`, i, strings.Repeat("x", each+i))
		}
		return fmt.Sprintf(`{"mpid":%s,"before":1.0,"events":[%s],"after":[]}`, id, strings.Join(texts, ","))
	}
	forward(t, f, large("42", 300), large("null", 200), `{"mpid":42,"events":[]}`)

	err := f.Forward(within(t, 10*time.Second), parse(t, large("42", limit-events/2)))
	var tooLarge *forwarder.TooLargeError
	require.ErrorAs(t, err, &tooLarge)
	assert.EqualValues(t, limit, tooLarge.Limit)
	assert.True(t, forwarder.Permanent(err))
	assert.True(t, forwarder.NothingSent(err))
	forward(t, f, `{"mpid":42,"last":1}`)

	messages := read(t, s)
	whole := map[string]string{"42": "", "": ""} // event texts, by key
	parts := map[string]int{}
	var plain []string
	for _, m := range messages {
		key := string(m.Key)
		if len(m.Headers) == 0 {
			plain = append(plain, string(m.Value))
			continue
		}
		require.Len(t, m.Headers, 1)
		assert.Equal(t, "eventferry-part", m.Headers[0].Key)
		i, n, ok := strings.Cut(string(m.Headers[0].Value), "/")
		require.True(t, ok)
		parts[key]++
		assert.Equal(t, strconv.Itoa(parts[key]), i)
		assert.NotEqual(t, "1", n)
		size := len(m.Key) + len(m.Value) + len(m.Headers[0].Key) + len(m.Headers[0].Value) + 128
		assert.LessOrEqual(t, size, limit)
		for _, e := range parse(t, string(m.Value)).Events() {
			whole[key] += string(e.At().Raw())
		}
		assert.True(t, strings.HasPrefix(string(m.Value), `{"mpid":`) && strings.HasSuffix(string(m.Value), `],"after":[]}`))
		if i == n { // the last one
			assert.Equal(t, n, strconv.Itoa(parts[key]))
		}
	}
	assert.Equal(t, []string{`{"mpid":42,"events":[]}`, `{"mpid":42,"last":1}`}, plain)
	for id, text := range map[string]string{"42": large("42", 300), "": large("null", 200)} {
		want := ""
		for _, e := range parse(t, text).Events() {
			want += string(e.At().Raw())
		}
		assert.Equal(t, want, whole[id])
		assert.Greater(t, parts[id], 2)
	}
	keyless := slices.DeleteFunc(slices.Clone(messages), func(m forwardertest.Message) bool { return m.Key != nil })
	for _, m := range keyless {
		assert.Equal(t, keyless[0].Partition, m.Partition)
	}

	if k.java == nil {
		return
	}
	byJava, err := k.java.JavaMessages(within(t, time.Minute), s.TopicName, len(messages))
	require.NoError(t, err)
	for i := range messages {
		messages[i].Timestamp = byJava[i].Timestamp // it prints none
	}
	assert.Equal(t, messages, byJava)
}
