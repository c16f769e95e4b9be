package endtoend

import (
	"fmt"
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

const (
	splitLimit  = 2000
	splitEvents = 30
)

// split: a batch above max_message_bytes becomes messages that Kafka takes
// with the same limit, and a single event above it is refused by itself.
func (k target) split(t *testing.T) {
	s := k.settingsWithLimit(t, 3, strconv.Itoa(splitLimit))
	s.Delivery.MaxMessageBytes = splitLimit
	s.Delivery.Compression = settings.NoCompression
	f := start(t, s)
	keyed, keyless := large("42", 300), large("null", 200)
	forward(t, f, keyed, keyless, `{"mpid":42,"events":[]}`)

	err := f.Forward(within(t, time.Minute), parse(t, large("42", splitLimit-splitEvents/2)))
	var tooLarge *forwarder.TooLargeError
	require.ErrorAs(t, err, &tooLarge)
	assert.EqualValues(t, splitLimit, tooLarge.Limit)
	assert.True(t, forwarder.Permanent(err))
	assert.True(t, forwarder.NothingSent(err))
	forward(t, f, `{"mpid":42,"last":1}`)

	messages := read(t, s)
	inParts := func(key []byte) (parts []forwardertest.Message) {
		for _, m := range messages {
			if len(m.Headers) > 0 && (m.Key == nil) == (key == nil) {
				parts = append(parts, m)
			}
		}
		return parts
	}
	assertParts(t, keyed, inParts([]byte("42")))
	assertParts(t, keyless, inParts(nil))
	var whole []string
	for _, m := range messages {
		if len(m.Headers) == 0 {
			whole = append(whole, string(m.Value))
		}
	}
	assert.Equal(t, []string{`{"mpid":42,"events":[]}`, `{"mpid":42,"last":1}`}, whole)
	k.sameForJava(t, s.TopicName, messages)
}

// large is a batch whose events have a little more than each bytes.
func large(id string, each int) string {
	texts := make([]string, splitEvents)
	for i := range texts {
		texts[i] = fmt.Sprintf(`{"event_type":"custom_event","data":{"n":%d,"pad":%q}}`, i, strings.Repeat("x", each+i))
	}
	return fmt.Sprintf(`{"mpid":%s,"before":1.0,"events":[%s],"after":[]}`, id, strings.Join(texts, ","))
}

// assertParts: in one partition and in order, counted from 1, none too large,
// each with the whole envelope, and together the events of text.
func assertParts(t *testing.T, text string, parts []forwardertest.Message) {
	t.Helper()
	require.Greater(t, len(parts), 2)
	head, _, _ := strings.Cut(text, "[")
	got := ""
	for i, m := range parts {
		assert.Equal(t, parts[0].Partition, m.Partition)
		part := fmt.Sprintf("%d/%d", i+1, len(parts))
		assert.Equal(t, []forwardertest.Header{{Key: "eventferry-part", Value: []byte(part)}}, m.Headers)
		size := len(m.Key) + len(m.Value) + len("eventferry-part") + len(part) + 128
		assert.LessOrEqual(t, size, splitLimit)
		value := string(m.Value)
		assert.True(t, strings.HasPrefix(value, head) && strings.HasSuffix(value, `],"after":[]}`), value)
		got += events(t, value)
	}
	assert.Equal(t, events(t, text), got)
}

func events(t *testing.T, text string) string {
	t.Helper()
	raw := ""
	for _, e := range parse(t, text).Events() {
		raw += string(e.At().Raw())
	}
	return raw
}

// sameForJava reads the topic with Java's client too.
func (k target) sameForJava(t *testing.T, topic string, messages []forwardertest.Message) {
	t.Helper()
	if k.java == nil {
		return
	}
	byJava, err := k.java.JavaMessages(within(t, time.Minute), topic, len(messages))
	require.NoError(t, err)
	for i := range messages {
		messages[i].Timestamp = byJava[i].Timestamp // it prints none
	}
	assert.Equal(t, messages, byJava)
}
