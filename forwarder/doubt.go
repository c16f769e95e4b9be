package forwarder

import (
	"context"
	"log/slog"

	"github.com/eventferry/eventferry/forwarder/internal/drain"
)

// observeDoubt logs a doubt, and tells the observer. It does not block.
func (f *Forwarder) observeDoubt(d drain.Doubt, held bool) {
	f.inFlight.beginCallback()
	go func() {
		defer f.inFlight.endCall(true)
		t := namedTopic(f.topics, d.Topic)
		info := DoubtInfo{Partition: d.Partition, Messages: d.Messages, Held: held, Cause: t.probe.ExplainDelivery(d.Cause)}
		logger := f.options.logger
		if d.Topic != "" && t.name != "" {
			info.Topic = t.name
			logger = logger.With(slog.String("topic", t.name))
		}
		next := "they are sent again"
		if held {
			next = "look there, then put them again or discard them"
		}
		logger.Warn("stored messages may be in Kafka already", slog.Int("partition", int(info.Partition)),
			slog.Int("messages", info.Messages), slog.Bool("held", held), slog.String("cause", info.Cause.Error()), slog.String("next", next))
		if doubted := f.options.observer.Doubted; doubted != nil {
			doubted(context.Background(), info)
		}
	}()
}
