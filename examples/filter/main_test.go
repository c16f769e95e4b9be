package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	assert.Regexp(t, `^dropped by heartbeats: heartbeat, events: 1
acknowledged: partition \d+, events: 1
dropped by heartbeats: heartbeat, events: 1
dropped by send_batches_without_events: no events left, events: 0
dropped by environment: environment is not forwarded, events: 1
dropped by consent: opted out of data sale \(CCPA\), events: 1
$`, out.String())
}

func TestOptions_hideAddresses(t *testing.T) {
	for name, text := range map[string]string{
		"list":   `{"mpid":1,"environment":"production","user_identities":[{"identity_type":"email","identity":"ada@example.com"},{"identity_type":"customer_id","identity":"7"}]}`,
		"object": `{"mpid":1,"environment":"production","user_identities":{"email":"ada@example.com","customer_id":"7"}}`,
	} {
		b, err := batch.Parse([]byte(text))
		require.NoError(t, err, name)
		s := settings.Settings{BootstrapServers: "b1:9093", TopicName: "events"}
		e, err := forwarder.Explain(t.Context(), s, b, append(options(), forwarder.WithValues())...)
		require.NoError(t, err, name)
		require.Len(t, e.Edits, 1, name)
		assert.Contains(t, string(e.Edits[0].Before), "ada@", name)
		assert.NotContains(t, string(e.Edits[0].After), "ada@", name)
	}
}
