package forwardertest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A witness is a testing.TB that notes failures.
type witness struct {
	testing.TB
	said string
}

func (w *witness) Helper() {}

func (w *witness) Errorf(format string, args ...any) { w.said += fmt.Sprintf(format, args...) }

func stored(user string, partition int32, offset int64, value string, part ...string) forwardertest.Message {
	m := forwardertest.Message{Partition: partition, Offset: offset, Value: []byte(value)}
	if user != "" {
		m.Key = []byte(user)
	}
	for _, p := range part {
		m.Headers = append(m.Headers, forwardertest.Header{Key: "eventferry-part", Value: []byte(p)})
	}
	return m
}

func keyless(partitions ...int32) (ms []forwardertest.Message) {
	for i, p := range partitions {
		for range 30 {
			ms = append(ms, stored("", p, int64(i), "{}"))
		}
	}
	return ms
}

func TestAssertions(t *testing.T) {
	id, n := forwardertest.Member("id"), forwardertest.Member("at", "n")
	tests := []struct {
		name   string
		assert func(t testing.TB) bool
		want   string
	}{
		{"all there", func(t testing.TB) bool {
			return forwardertest.NoLoss(t, []forwardertest.Message{stored("1", 0, 0, `{"id":"a"}`), stored("1", 0, 1, `{"id":7}`)}, []string{"a", "7"}, id)
		}, ""},
		{"lost", func(t testing.TB) bool {
			return forwardertest.NoLoss(t, []forwardertest.Message{stored("1", 0, 0, `{"id":"a"}`)}, []string{"a", "b", "c"}, id)
		}, "2 acknowledged and not in Kafka: b, c"},
		{"many lost", func(t testing.TB) bool {
			return forwardertest.NoLoss(t, nil, []string{"a", "b", "c", "d", "e", "f"}, id)
		}, "6 acknowledged and not in Kafka: a, b, c, d, e, ..."},
		{"parts", func(t testing.TB) bool {
			return forwardertest.NoDuplicates(t, []forwardertest.Message{stored("1", 0, 0, `{"id":"a"}`, "1/2"), stored("1", 0, 1, `{"id":"a"}`, "2/2")}, id)
		}, ""},
		{"a part twice", func(t testing.TB) bool {
			return forwardertest.NoDuplicates(t, []forwardertest.Message{stored("1", 0, 0, `{"id":"a"}`, "1/2"), stored("1", 0, 1, `{"id":"a"}`, "1/2")}, id)
		}, "1 in Kafka more than once: a part 1/2 at partition 0 offset 0 and partition 0 offset 1"},
		{"twice", func(t testing.TB) bool {
			return forwardertest.NoDuplicates(t, []forwardertest.Message{stored("1", 0, 0, `{"id":"a"}`), stored("1", 4, 1, `{"id":"a"}`)}, id)
		}, "1 in Kafka more than once: a at partition 0 offset 0 and partition 4 offset 1"},
		{"in order", func(t testing.TB) bool {
			return forwardertest.OrderedPerUser(t, []forwardertest.Message{
				stored("1", 0, 0, `{"at":{"n":1}}`), stored("2", 0, 1, `{"at":{"n":1}}`), stored("", 0, 2, `{"at":{"n":0}}`),
				stored("1", 0, 3, `{"at":{"n":5}}`, "1/2"), stored("1", 0, 4, `{"at":{"n":5}}`, "2/2"),
			}, n)
		}, ""},
		{"out of order", func(t testing.TB) bool {
			return forwardertest.OrderedPerUser(t, []forwardertest.Message{stored("1", 0, 0, `{"at":{"n":2}}`), stored("1", 0, 1, `{"at":{"n":1}}`)}, n)
		}, "1 out of order: user 1: 1 after 2 at partition 0 offset 1"},
		{"parts out of order", func(t testing.TB) bool {
			return forwardertest.OrderedPerUser(t, []forwardertest.Message{stored("1", 0, 0, `{"at":{"n":2}}`, "2/2"), stored("1", 0, 1, `{"at":{"n":2}}`, "1/2")}, n)
		}, "1 out of order: user 1: 2 after 2 at partition 0 offset 1"},
		{"two partitions", func(t testing.TB) bool {
			return forwardertest.OrderedPerUser(t, []forwardertest.Message{stored("1", 0, 0, `{"at":{"n":1}}`), stored("1", 3, 0, `{"at":{"n":2}}`)}, n)
		}, "1 out of order: user 1 at partition 0 offset 0 and partition 3 offset 0"},
		{"no number", func(t testing.TB) bool {
			return forwardertest.OrderedPerUser(t, []forwardertest.Message{stored("1", 0, 0, `{}`)}, n)
		}, "1 out of order: no number at partition 0 offset 0"},
		{"even", func(t testing.TB) bool { return forwardertest.KeylessSpread(t, keyless(0, 1, 2), 3) }, ""},
		{"one of three", func(t testing.TB) bool { return forwardertest.KeylessSpread(t, keyless(1), 3) }, "messages without user id by partition: [0 30 0]"},
		{"more partitions than said", func(t testing.TB) bool { return forwardertest.KeylessSpread(t, keyless(3), 3) }, "a message at partition 3 offset 0, of 3 partitions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &witness{TB: t}
			assert.Equal(t, tt.want == "", tt.assert(w))
			if tt.want == "" {
				assert.Empty(t, w.said)
			}
			assert.Contains(t, w.said, tt.want)
		})
	}
}

// What a test of yours may look like: batches through faults, and nothing is
// lost, twice or out of order.
func TestAssertions_throughFaults(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f, err := forwarder.New(t.Context(), k.Settings())
	require.NoError(t, err)
	defer f.Close()
	k.LoseAnswers(forwardertest.Produce, 3)
	var sent []string
	for n := range 200 {
		b, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"batch_id":"b%d","n":%d,"events":[]}`, n%7, n, n))
		require.NoError(t, err)
		require.NoError(t, f.Forward(t.Context(), b))
		sent = append(sent, fmt.Sprintf("b%d", n))
	}
	messages := k.Messages(t, "events")
	forwardertest.NoLoss(t, messages, sent, forwardertest.Member("batch_id"))
	forwardertest.NoDuplicates(t, messages, forwardertest.Member("batch_id"))
	forwardertest.OrderedPerUser(t, messages, forwardertest.Member("n"))
	forwardertest.KeylessSpread(t, messages, 12)
}
