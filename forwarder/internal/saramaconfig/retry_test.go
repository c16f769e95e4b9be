package saramaconfig

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// Sarama counts retries: they must outlast an outage of six hours.
func TestConfig_retries(t *testing.T) {
	cfg := configured(t, settings.Settings{}, nil)
	for name, retry := range map[string]struct {
		most    int
		backoff func(int, int) time.Duration
	}{
		"producer": {cfg.Producer.Retry.Max, cfg.Producer.Retry.BackoffFunc},
		"metadata": {cfg.Metadata.Retry.Max, cfg.Metadata.Retry.BackoffFunc},
	} {
		var total time.Duration
		for attempt := range retry.most {
			p := retry.backoff(attempt, retry.most)
			require.Positive(t, p)
			require.LessOrEqual(t, p, 5*time.Second, "how long it may take to notice that all is well again")
			total += p
		}
		assert.GreaterOrEqual(t, total, 6*time.Hour, name)
		assert.Equal(t, firstRetryBackoff, retry.backoff(0, retry.most), name)
		assert.Less(t, retry.backoff(1, retry.most), time.Second, name)
	}
}
