package connect

import (
	"fmt"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/settings"
)

// No code reaches a reader as Sarama's question. One with advice has a name.
func TestExplainDelivery_namedCodes(t *testing.T) {
	const beyond = sarama.KError(200)
	p := explaining(t, settings.Settings{})
	advised := 0
	for code := sarama.ErrUnknown; code < beyond; code++ {
		if code == sarama.ErrNoError {
			continue
		}
		err := p.ExplainDelivery(fmt.Errorf("partition 3: %w", code))
		assert.ErrorIs(t, err, code)
		assert.NotContains(t, err.Error(), "how did this happen")
		assert.Contains(t, err.Error(), "kafka server: ")
		if p.adviceOn(code) != "" {
			advised++
			assert.NotContains(t, err.Error(), "error code", "codeNames has no name for code %d", code)
		}
	}
	assert.Greater(t, advised, 30)
}

func TestNamedCodeError(t *testing.T) {
	for want, err := range map[string]error{
		"partition 3: kafka server: UNKNOWN_TOPIC_ID":                      fmt.Errorf("partition 3: %w", errUnknownTopicID),
		"kafka server: PRODUCER_FENCED, then kafka server: error code 127": fmt.Errorf("%w, then %w", sarama.ErrProducerFenced, sarama.KError(127)),
		"kafka server: error code -2":                                      sarama.KError(-2),
		namelessCode + "99999":                                             fmt.Errorf("%s99999", namelessCode),
		namelessCode:                                                       fmt.Errorf("%s", namelessCode),
		`kafka server: INCONSISTENT_TOPIC_ID\n`:                            fmt.Errorf("%w\n", errInconsistentTopicID),
		sarama.ErrNotEnoughReplicas.Error():                                sarama.ErrNotEnoughReplicas,
	} {
		assert.EqualError(t, singleLine(err), want)
		assert.EqualError(t, singleLine(singleLine(err)), want, "once is enough")
	}
}
