package doors

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// clientsVariable names a folder with mParticle's SDKs: node_modules/mparticle, and
// python, a virtual environment.
const clientsVariable = "EVENTFERRY_DOOR_CLIENTS"

// mParticle's own Node and Python SDKs post unchanged, over TLS with a private
// authority, and what arrives in Kafka is what the table of package receiver says,
// member by member.
func TestSDK(t *testing.T) {
	folder := os.Getenv(clientsVariable)
	if folder == "" {
		t.Skipf("%s is not set: npm install --prefix FOLDER mparticle@1.0.8, python3 -m venv FOLDER/python, "+
			"FOLDER/python/bin/pip install mparticle==0.16.1, and set it to FOLDER", clientsVariable)
	}
	for name, tt := range map[string]struct {
		command func(url, authority string) *exec.Cmd
		refused string // what the error says of the last batch
	}{
		"node": {func(url, authority string) *exec.Cmd {
			c := exec.CommandContext(t.Context(), "node", scriptFile(t, "client.js"), url, apiKey, apiSecret)
			c.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(folder, "node_modules"), "NODE_EXTRA_CA_CERTS="+authority)
			return c
		}, "mpid: not a 64-bit integer"},
		"python": {func(url, authority string) *exec.Cmd {
			return exec.CommandContext(t.Context(), filepath.Join(folder, "python", "bin", "python"), scriptFile(t, "client.py"), url, apiKey, apiSecret, authority)
		}, "not JSON (depth 2)"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, nil, nil)
			authority, err := h.kafka.CA().WriteFile(t.TempDir())
			require.NoError(t, err)
			command := tt.command(strings.Replace(h.url, "127.0.0.1", "localhost", 1)+"/v2", authority)
			var output, stderr bytes.Buffer
			command.Stdout, command.Stderr = &output, &stderr
			require.NoError(t, command.Run(), "%s", &stderr)

			type says struct {
				Error  bool
				Status int
				Text   string
			}
			var answers []says
			for line := range strings.Lines(output.String()) {
				var a says
				require.NoError(t, json.Unmarshal([]byte(line), &a), line)
				answers = append(answers, a)
			}
			require.Len(t, answers, 3, "%s", &output)
			assert.Equal(t, []says{{false, 202, ""}, {false, 202, ""}}, answers[:2])
			assert.True(t, answers[2].Error)
			assert.Equal(t, 400, answers[2].Status)
			assert.Contains(t, answers[2].Text, tt.refused)

			messages := h.kafka.Messages(t, "events")
			require.Equal(t, 3, len(messages))
			for _, m := range messages {
				compareSDKMessage(t, m)
			}
		})
	}
}

func scriptFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	require.NoError(t, err)
	return path
}

// compareSDKMessage compares a message with what its batch is to become. Ids and the
// time of receipt are compared by their form.
func compareSDKMessage(t *testing.T, m forwardertest.Message) {
	t.Helper()
	b, err := batch.Parse(m.Value)
	require.NoError(t, err)
	mpid := map[string]string{"one": "-7636538281262557001", "two": "7", "three": "8"}[forwardertest.Member("source_request_id")(m)]
	require.NotEmpty(t, mpid)
	assert.Equal(t, mpid, string(m.Key))
	assert.Equal(t, mpid, string(b.At("mpid").Raw()))

	const long, uuid = `"[1-9][0-9]{18}"`, `"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`
	text := string(m.Value)
	for _, replace := range []struct{ member, form string }{
		{"event_id", long}, {"session_id", long}, {"batch_id", long}, {"message_id", uuid},
	} {
		form := regexp.MustCompile(`"` + replace.member + `": ?` + replace.form)
		assert.Regexp(t, form, text, replace.member)
		text = form.ReplaceAllString(text, `"`+replace.member+`":"derived"`)
	}
	received, ok := b.At("timestamp_unixtime_ms").Int64()
	require.True(t, ok)
	text = strings.ReplaceAll(text, string(b.At("timestamp_unixtime_ms").Raw()), `"now"`)
	text = strings.ReplaceAll(text, strings.Trim(string(b.At("timestamp_unixtime_ms").Raw()), `"`), `"now"`)
	assert.Positive(t, received)

	const data = `"timestamp_unixtime_ms":"16000000%[1]s","event_start_unixtime_ms":"16000000%[1]s"`
	event := func(at string) string {
		return strings.ReplaceAll(data, "%[1]s", at) + `,"event_id":"derived","session_id":"derived","session_uuid":"s-1","session_start_unixtime_ms":"1600000000000"`
	}
	assert.JSONEq(t, `{"mpid":`+mpid+`,"source_request_id":"`+forwardertest.Member("source_request_id")(m)+`","environment":"development",`+
		`"user_identities":[{"identity_type":"customer_id","identity":"c-1","timestamp_unixtime_ms":"now"},{"identity_type":"email","identity":"jane@example.com","timestamp_unixtime_ms":"now"}],`+
		`"user_attributes":{"plan":"gold"},"events":[{"event_type":"session_start","data":{`+event("00000")+`}},`+
		`{"event_type":"custom_event","data":{`+event("01000")+`,"custom_event_type":"search","event_name":"a < b & é","custom_attributes":{"size":"1.50"}}}],`+
		`"batch_id":"derived","message_id":"derived","message_type":"events","schema_version":2,"timestamp_unixtime_ms":"now",`+
		`"source_info":{"channel":"server_to_server","partner":null,"replay_request_id":null,"replay_job_id":null,"is_historical":false}}`, text)
}
