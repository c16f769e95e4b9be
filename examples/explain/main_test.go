package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func output(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, args))
	return out.String()
}

func TestRun(t *testing.T) {
	text := output(t)
	for _, line := range []string{
		"  event 1, custom_event: kept\n    removed by filters[3].remove: data.custom_attributes.phone\n",
		"  event 2, custom_event: dropped by filters[2].attribute: attribute rule\n",
		"  event 3, user_attribute_change: dropped by include_user_attribute_change_events: switched off\n",
		"  removed by filters[3].remove: user_identities[1]\n",
		"  key -7636538281262557001\n",
		"  message 1 of 1: events 0 to 1, ",
		"  the batch is dropped by filters[0].environment: environment is not forwarded\n",
		"  the batch is dropped by filters[1].consent: opted out of data sale (CCPA)\n",
		"read: batches 3, events 6\nsent: events 2, messages 1, bytes ",
	} {
		assert.Contains(t, text, line)
	}
	assert.NotContains(t, text, "ada@example.com")
	assert.NotContains(t, text, "555-0100")
	assert.Contains(t, output(t, "-values"), `data.custom_attributes.phone, was "555-0100"`)
}

func TestRun_files(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	s := file("s.json", `{"bootstrap_servers":"b:9093","topic_name":"t","filters":[{"logged_in":["email"]}]}`)
	text := output(t, "-settings", s, "-table", file("b.ndjson", `{"events":[{"event_type":"opt_out"}]}`))
	assert.True(t, strings.HasPrefix(text, "FILTER "), text)
	assert.Contains(t, text, "filters[0].logged_in  user is not logged in  1       1        100.0 %\n")

	lines := strings.Split(strings.TrimSpace(output(t, "-json")), "\n")
	require.Len(t, lines, 4)
	for _, line := range lines {
		assert.True(t, json.Valid([]byte(line)), line)
	}
	var out strings.Builder
	assert.ErrorContains(t, run(t.Context(), &out, []string{"-settings", file("bad.json", `{"bootstrap_servers":"b:9093","topic_name":"t","filters":[{"logged":[]}]}`)}),
		`settings: filters[0]: has an unknown filter "logged"`)
}
