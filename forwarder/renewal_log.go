package forwarder

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/eventferry/eventferry/forwarder/internal/watch"
)

// A renewalLog logs why connections are not renewed, one line for each cause and 30
// seconds, and counts them all.
type renewalLog struct {
	logger  *slog.Logger
	explain func(addr string, err error) error
	count   *atomic.Int64
	causes  watch.CauseLog
}

func newRenewalLog(l *slog.Logger, explain func(addr string, err error) error, count *atomic.Int64) *renewalLog {
	return &renewalLog{logger: l, explain: explain, count: count}
}

// refused logs that the server at addr has refused a newer connection.
func (l *renewalLog) refused(addr string, err error) {
	l.count.Add(1)
	cause := l.explain(addr, err)
	if l.causes.Due(cause) {
		l.logger.WarnContext(context.Background(), "connection not renewed: the old one stays in use",
			slog.String("broker", addr), slog.String("cause", cause.Error()))
	}
}
