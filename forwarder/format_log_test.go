package forwarder

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// A logBuffer collects lines of a log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// take returns what was logged since the last call, without times.
func (l *logBuffer) take(t *testing.T) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	assert.NotContains(t, strings.ToLower(l.buf.String()), "secret")
	var lines []map[string]any
	for dec := json.NewDecoder(&l.buf); dec.More(); {
		line := map[string]any{}
		require.NoError(t, dec.Decode(&line))
		delete(line, "time")
		lines = append(lines, line)
	}
	return lines
}

// logging returns a forwarder that acknowledges everything, what it logs, and what
// it reports.
func logging(t *testing.T, filters ...namedFilter) (*Forwarder, *logBuffer, *[]ForwardInfo) {
	t.Helper()
	log, infos := &logBuffer{}, &[]ForwardInfo{}
	var mu sync.Mutex
	f := withProducer(t, &fakeProducer{acks: true}, func(_ *settings.Settings, o *options) {
		o.logger, o.filters = slog.New(slog.NewJSONHandler(log, nil)), filters
		o.observer.Done = func(_ context.Context, i ForwardInfo) {
			mu.Lock()
			defer mu.Unlock()
			*infos = append(*infos, i)
		}
	})
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f, log, infos
}

func forwardText(t *testing.T, f *Forwarder, text string) {
	t.Helper()
	b, err := batch.Parse([]byte(text))
	require.NoError(t, err)
	require.NoError(t, f.Forward(t.Context(), b))
	assert.Equal(t, text, string(b.AppendJSON(nil)))
}

// unlistedLine is the line for the first event of an unlisted type.
func unlistedLine(event int, b string) map[string]any {
	return map[string]any{
		"level":    "WARN",
		"msg":      "an event is dropped because its type is not forwarded: later events of that type are not logged",
		"position": fmt.Sprintf("events[%d].event_type", event),
		"batch":    b,
	}
}

func TestFormatLog_unlistedTypes(t *testing.T) {
	f, log, infos := logging(t)
	forwardText(t, f, `{"mpid":7,"events":[{"event_type":"CUSTOM_EVENT"},{"event_type":"opt_out"}]}`)
	assert.Empty(t, log.take(t))

	text := `{"mpid":7,"events":[{"event_type":"profile"},{"event_type":"secret_one"},{"event_type":"secret_one"},{"event_type":"SECRET_ONE"}]}`
	line := fmt.Sprintf("batch(4 events, %d bytes)", len(text))
	forwardText(t, f, text)
	assert.Equal(t, []map[string]any{unlistedLine(1, line), unlistedLine(3, line)}, log.take(t), "other types are as they are written")
	forwardText(t, f, text)
	assert.Empty(t, log.take(t), "once each")
	forwardText(t, f, `{"mpid":7,"events":[{"event_type":"secret_one"},{"event_type":"\u0073ecret_two"}]}`)
	require.Len(t, log.take(t), 1)

	var dropped []int
	for _, i := range *infos {
		n := 0
		for _, d := range i.Dropped {
			assert.Equal(t, "event_type", d.Filter)
			n += d.Events
		}
		dropped = append(dropped, n)
	}
	assert.Equal(t, []int{0, 3, 3, 2}, dropped, "all are counted")

	other, otherLog, _ := logging(t)
	forwardText(t, other, text)
	assert.Len(t, otherLog.take(t), 2, "another forwarder logs for itself")
}

// However many types there are, the log and the memory are bounded.
func TestFormatLog_bounded(t *testing.T) {
	f, log, _ := logging(t)
	var events []string
	for i := range 3 * maxUnlistedTypes {
		events = append(events, fmt.Sprintf(`{"event_type":"secret %d"}`, i))
	}
	for range 2 {
		forwardText(t, f, `{"mpid":7,"events":[`+strings.Join(events, ",")+`]}`)
	}
	lines := log.take(t)
	require.Len(t, lines, maxUnlistedTypes+1)
	assert.Equal(t, "events[99].event_type", lines[maxUnlistedTypes-1]["position"])
	assert.Equal(t, map[string]any{
		"level": "WARN",
		"msg":   "an event is dropped because its type is not forwarded: no further types are logged",
		"types": float64(maxUnlistedTypes),
	}, lines[maxUnlistedTypes])
	assert.Len(t, f.format.types, maxUnlistedTypes+1)
}

func TestFormatLog_concurrently(t *testing.T) {
	f, log, _ := logging(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			forwardText(t, f, `{"events":[{"event_type":"secret"}]}`)
			forwardText(t, f, `{"level":"secret"}`)
		})
	}
	wg.Wait()
	assert.Len(t, log.take(t), 2)
}

// What is JSON and shows no trace of mParticle's format is forwarded as a batch
// without events, and reported.
func TestFormatLog_noBatch(t *testing.T) {
	f, log, infos := logging(t)
	for _, text := range []string{`{"level":"secret"}`, `{}`, `{"level":"secret"}`, `{"mpid":7}`, `{"user_attributes":{}}`} {
		forwardText(t, f, text)
	}
	assert.Equal(t, []map[string]any{{
		"level": "WARN",
		"msg": "a batch has neither events nor any other member of mParticle's format: is it a batch? " +
			"It counts as one without events; later ones like it are not logged",
		"batch": "batch(0 events, 18 bytes)",
	}}, log.take(t))
	var noBatch []bool
	for _, i := range *infos {
		noBatch = append(noBatch, i.NoBatch)
		assert.Len(t, i.Messages, 1)
	}
	assert.Equal(t, []bool{true, true, true, false, false}, noBatch)
}

// What a filter does to a batch is none of the log's business.
func TestFormatLog_beforeFilters(t *testing.T) {
	f, log, infos := logging(t, filter("mess", func(_ context.Context, b *batch.Batch) error {
		for _, e := range b.Events() {
			require.NoError(t, e.At("event_type").Set("secret"))
		}
		return b.At("mpid_was").Set(1)
	}))
	forwardText(t, f, `{"mpid":7,"events":[{"event_type":"profile"}]}`)
	assert.Empty(t, log.take(t))
	assert.False(t, (*infos)[0].NoBatch)
	assert.Equal(t, []Dropped{{Filter: "event_type", Reason: reasonNotForwarded, Events: 1}}, (*infos)[0].Dropped)
}
