package refusals

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

const marker = "marker-of-a-person"

// TestRunning_quotingBroker: a broker that quotes the message in the text of its
// answer puts nothing of it into an error, the log, or what an observer is told.
func TestRunning_quotingBroker(t *testing.T) {
	for _, code := range []*kerr.Error{
		kerr.InvalidRecord, kerr.MessageTooLarge, kerr.PolicyViolation, kerr.InvalidTimestamp, kerr.UnsupportedForMessageFormat, // refused
		kerr.NotEnoughReplicas, kerr.UnknownServerError, // tried again
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			quotes := make(chan string, 100)
			texts := answeredWith(t, code, func(records []byte) string {
				text := string(records[bytes.IndexByte(records, '{') : bytes.LastIndexByte(records, '}')+1])
				select {
				case quotes <- text:
				default:
				}
				return text
			})
			require.Contains(t, <-quotes, marker, "the broker quotes the message")
			for _, text := range texts {
				hidden(t, text, marker, "user_attributes", "opt_out", "mpid")
			}
		})
	}
	t.Run("a known text is quoted", func(t *testing.T) {
		t.Parallel()
		const known = "Message batch size is 5 bytes in append to partition events-0, which exceeds the maximum configured segment size of 4."
		texts := answeredWith(t, kerr.MessageTooLarge, func([]byte) string { return known })
		for _, text := range texts {
			assert.Contains(t, text, known)
		}
	})
}

// answeredWith forwards a batch with the marker to a broker that always answers
// with a code and a text, gives up once it waits, and returns all that is told: the
// error, the log, and what the observer was told.
func answeredWith(t *testing.T, code *kerr.Error, text func(records []byte) string) (told []string) {
	t.Helper()
	s := startDevious(t, "", answers{kmsg.Produce: answering(func(req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) {
		refuseWith(req, resp, code, text)
	})})
	s.Delivery.Compression = settings.NoCompression
	r := start(t, s)
	b, err := batch.Parse([]byte(`{"mpid":1,"events":[{"event_type":"opt_out"}],"user_attributes":{"name":"` + marker + `"}}`))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result := make(chan error, 1)
	r.ForwardAsync(ctx, b, func(err error) { result <- err })
	if code == kerr.NotEnoughReplicas || code == kerr.UnknownServerError {
		require.Eventually(t, func() bool { return len(r.waited()) > 0 }, 30*time.Second, 10*time.Millisecond)
		cancel()
	}
	err = <-result
	require.Error(t, err)
	assertAdvice(t, err.Error())
	require.NoError(t, r.Close())
	require.NotEmpty(t, r.logged())
	told = []string{fmt.Sprintf("%v %+v", err, err), r.logged()}
	for _, w := range r.waited() {
		told = append(told, fmt.Sprintf("%v %+v", w.cause, w.cause))
	}
	return told
}

// refuseWith answers each partition with a code and a text, also for its first
// record (KIP-467).
func refuseWith(req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse, code *kerr.Error, text func(records []byte) string) {
	for _, topic := range req.Topics {
		answer := kmsg.NewProduceResponseTopic()
		answer.Topic = topic.Topic
		for _, p := range topic.Partitions {
			said := text(p.Records)
			part := kmsg.NewProduceResponseTopicPartition()
			part.Partition, part.ErrorCode, part.ErrorMessage = p.Partition, code.Code, &said
			record := kmsg.NewProduceResponseTopicPartitionErrorRecord()
			record.ErrorMessage = &said
			part.ErrorRecords = append(part.ErrorRecords, record)
			answer.Partitions = append(answer.Partitions, part)
		}
		resp.Topics = append(resp.Topics, answer)
	}
}

// hidden asserts that a text holds none of these parts of a batch, neither as it is
// nor as numbers.
func hidden(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		decimal := fmt.Sprint([]byte(part))
		for _, printed := range []string{part, fmt.Sprintf("%x", part), decimal[1 : len(decimal)-1]} {
			assert.NotContains(t, text, printed)
		}
	}
}
