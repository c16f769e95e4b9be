package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	assert.Regexp(t, `^dropped by heartbeats: heartbeat \(1 events\)
acknowledged: partition \d+, 1 events
dropped by heartbeats: heartbeat \(1 events\)
dropped by send_batches_without_events: no events left \(0 events\)
dropped by environment: not production \(1 events\)
$`, out.String())
}

func TestHashEmails(t *testing.T) {
	for name, text := range map[string]string{
		"list":   `{"user_identities":[{"identity_type":"email","identity":"ada@example.com"},{"identity_type":"customer_id","identity":"7"}]}`,
		"object": `{"user_identities":{"email":"ada@example.com","customer_id":"7"}}`,
		"change": `{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email","identity":"ada@example.com"},"old":{"identity_type":"customer_id","identity":"7"}}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			b, err := batch.Parse([]byte(text))
			require.NoError(t, err)
			require.NoError(t, hashEmails([]byte("key")).Filter(context.Background(), b))
			assert.NotContains(t, string(b.AppendJSON(nil)), "ada@")
			assert.Contains(t, string(b.AppendJSON(nil)), `"7"`)
		})
	}
}

func TestHashEmails_null(t *testing.T) {
	const none = `{"user_identities":{"email":null}}`
	b, err := batch.Parse([]byte(none))
	require.NoError(t, err)
	require.NoError(t, hashEmails([]byte("key")).Filter(context.Background(), b))
	assert.Equal(t, none, string(b.AppendJSON(nil)))
}
