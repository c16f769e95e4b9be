package replay

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// Messages have the time of the replay, whatever time their batches say: a topic that keeps
// a week would drop those of last year at once. The batches stay as they are.
func TestRun_timestamps(t *testing.T) {
	began := time.Now().Truncate(time.Millisecond)
	var text string
	for n, at := range []time.Time{began.AddDate(-1, 0, 0), time.UnixMilli(1), began.AddDate(1, 0, 0)} {
		text += fmt.Sprintf(`{"mpid":%d,"timestamp_unixtime_ms":"%d","events":[{"event_type":"custom_event","data":{"timestamp_unixtime_ms":"%[2]d"}}]}`+"\n", n+1, at.UnixMilli())
	}
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	s.Spool.Dir = t.TempDir()
	f, err := forwarder.New(t.Context(), s, forwarder.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	defer f.Close()
	_, err = Run(t.Context(), f, Options{Files: fstest.MapFS{"f": {Data: []byte(text)}}, Bad: filepath.Join(t.TempDir(), "bad")})
	require.NoError(t, err)
	require.NoError(t, f.Shutdown(t.Context()))
	ended := time.Now()

	messages := k.Messages(t, "events")
	require.Len(t, messages, 3)
	for _, m := range messages {
		assert.Contains(t, text, string(m.Value)+"\n")
		assert.WithinRange(t, m.Timestamp, began, ended)
	}
}
