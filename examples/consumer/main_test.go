package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

func line(user, number int) string {
	return `{"mpid":` + strconv.Itoa(user) + `,"events":[{"event_type":"custom_event","data":{"event_name":"n","number":` +
		strconv.Itoa(number) + `}}]}` + "\n"
}

func TestRun(t *testing.T) {
	kafka := forwardertest.NewKafka(t)
	var batches strings.Builder
	for i := range 300 {
		batches.WriteString(line(1+i%7, i))
	}
	file := filepath.Join(t.TempDir(), "batches.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(batches.String()), 0o600))
	s := kafka.Settings()
	env := map[string]string{
		"EVENTFERRY_BOOTSTRAP_SERVERS":     s.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME":            s.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD": string(s.AuthenticationMethod),
		"EVENTFERRY_USER_NAME":             s.UserName,
		"EVENTFERRY_PASSWORD":              s.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE":           s.TLS.CAFile,
	}
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{file}, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, &out))
	assert.True(t, strings.HasSuffix(out.String(), "committed up to batch 300\n"), out.String())
	assert.Len(t, kafka.Messages(t, s.TopicName), 300)
}

// What comes before a batch that cannot be read is delivered and committed,
// what comes after it is not.
func TestMove_badBatch(t *testing.T) {
	kafka := forwardertest.NewKafka(t)
	f, err := forwarder.New(t.Context(), kafka.Settings())
	require.NoError(t, err)
	defer f.Close()
	committed := 0
	err = move(t.Context(), f, strings.NewReader(line(1, 1)+line(1, 2)+`{"mpid":true}`+"\n"+line(1, 3)), func(n int) { committed = n })
	assert.ErrorContains(t, err, "mpid")
	assert.Equal(t, 2, committed)
	require.NoError(t, f.Shutdown(t.Context()))
	assert.Len(t, kafka.Messages(t, "events"), 2)
}

func TestProgress_commitsOnlyWithoutGaps(t *testing.T) {
	var p progress
	var commits []int
	for _, position := range []int{2, 0, 3, 1, 5, 4} {
		p.done(position, func(n int) { commits = append(commits, n) })
	}
	assert.Equal(t, []int{1, 4, 6}, commits)
}
