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
	w.logging.Go(func() {
		w.Logger.WarnContext(w.ctx, "message refused", slog.Int("partition", int(partition)),
			slog.Int("refused_since_last", failures), slog.String("cause", cause.Error()))
	})
}
