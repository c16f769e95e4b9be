package watch

import (
	"log/slog"
	"time"
)

// Failed notes that the brokers have refused a message for good, and logs it: one
// line for each cause and half minute. It does not block.
func (w *Watcher) Failed(partition int32, cause error) {
	cause = w.Explain(cause)
	key := "failed\n" + causeKey(cause)
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures++
	if last, known := w.lastLogs[key]; w.closed || known && now.Sub(last) < repeatAfter {
		return
	}
	w.lastLogs[key] = now
	failures := w.failures
	w.failures = 0
	attributes := []slog.Attr{
		slog.Int("partition", int(partition)), slog.Int("refused_since_last", failures), slog.String("cause", cause.Error()),
	}
	if w.Kept != "" {
		attributes = append(attributes, slog.String("kept", w.Kept))
	}
	w.logging.Go(func() { w.Logger.LogAttrs(w.ctx, slog.LevelWarn, "message refused", attributes...) })
}
