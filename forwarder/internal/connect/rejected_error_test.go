package connect

import (
	"errors"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/settings"
)

// A broker whose clock differs tells by how much, and both settings are named.
func TestRejectedError_clock(t *testing.T) {
	p := explaining(t, settings.Settings{})
	explained := func(text string) string {
		return p.ExplainDelivery(&RejectedError{Broker: "broker 1 at b1:9093", Messages: 1, Bytes: 200, Code: sarama.ErrInvalidTimestamp, Text: text}).Error()
	}
	const within = " of message with offset 0 is out of range. The timestamp should be within [1000000, 2000000]"
	ahead := explained("Timestamp 9200000" + within)
	assert.Contains(t, ahead, "; this host's clock is 2h0m0s further ahead of the broker's than the topic's message.timestamp.after.max.ms allows: ")
	assert.Contains(t, ahead, "broker 1 at b1:9093 rejected a message of 200 bytes: ")
	behind := explained("Timestamp -6200000" + within)
	assert.Contains(t, behind, "; this host's clock is 2h0m0s further behind the broker's than the topic's message.timestamp.before.max.ms allows: ")
	for _, text := range []string{"", "Timestamp 1500000" + within, "Timestamp 99999999999999999999" + within, "Timestamp 9200000" + within + " pencil"} {
		assert.NotContains(t, explained(text), "further")
		assert.NotContains(t, explained(text), "pencil")
	}
}

func TestRejectedError_size(t *testing.T) {
	p := explaining(t, settings.Settings{Delivery: settings.Delivery{MaxMessageBytes: 500_000}})
	err := p.ExplainDelivery(&RejectedError{Broker: "broker 1 at b1:9093", Messages: 1, Bytes: 400_000, Code: sarama.ErrMessageSizeTooLarge})
	assert.EqualError(t, err, `topic "events" does not take messages this large: raise the topic's max.message.bytes (or the brokers' message.max.bytes), `+
		`or lower delivery.max_message_bytes, which is 500000: broker 1 at b1:9093 rejected a message of 400000 bytes: `+sarama.ErrMessageSizeTooLarge.Error())
	code, ok := errors.AsType[sarama.KError](err)
	assert.True(t, ok && code == sarama.ErrMessageSizeTooLarge, "whether it is permanent, the code says")
}
