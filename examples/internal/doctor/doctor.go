// Package doctor prints what keeps batches from the example services, and messages of
// theirs from their topics.
package doctor

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// Topics looks at every step between the settings and each topic: those of the routes,
// or the only one. A failed check is an error, and so is a warning, for [Exit]. When ctx ends, what was not reached by
// then is printed as such, for each topic that is left.
func Topics(ctx context.Context, s settings.Settings, routes []forwarder.Route, log *slog.Logger, out io.Writer) (err error) {
	if len(routes) == 0 {
		routes = []forwarder.Route{{Topic: s.TopicName}}
	}
	for _, r := range routes {
		s.TopicName = r.Topic
		report := forwarder.Diagnose(ctx, s, forwarder.WithLogger(log))
		if _, printed := fmt.Fprint(out, report); printed != nil {
			return printed
		}
		switch report.Status() {
		case forwarder.CheckOK:
		case forwarder.CheckWarning:
			err = Worst(err, errWarnings)
		default:
			err = Worst(err, fmt.Errorf("topic %q: a check has failed", r.Topic))
		}
	}
	return err
}
