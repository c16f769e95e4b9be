package forwarder

import (
	"context"
	"log/slog"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/watch"
)

// runProbe runs the probe of a topic, and logs one line if that takes long: an
// operator who starts a program must not guess what it waits for. name is the topic's
// where there are several.
func (o options) runProbe(ctx context.Context, name string, probe *connect.Probe) error {
	began := time.Now()
	return probe.RunAndTell(ctx, func(cause error) {
		attrs := []slog.Attr{slog.String("for", watch.InUnits(time.Since(began)))}
		if deadline, ok := ctx.Deadline(); ok {
			attrs = append(attrs, slog.String("gives_up_in", watch.InUnits(time.Until(deadline))))
		}
		if name != "" {
			attrs = append(attrs, slog.String("topic", name))
		}
		o.logger.LogAttrs(ctx, slog.LevelWarn, "not started yet: waiting for Kafka", append(attrs, slog.String("cause", cause.Error()))...)
	})
}
