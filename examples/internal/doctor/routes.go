package doctor

import (
	"context"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// routes looks at what only routes make a mistake, or have mistakes in. Topics has the
// settings for each topic by itself, as they are without routes.
func (s Service) routes(ctx context.Context) []forwarder.Check {
	if len(s.Routes) == 0 {
		return nil
	}
	b, err := batch.Parse([]byte(`{}`))
	if err == nil {
		_, err = forwarder.Explain(ctx, s.Settings, b, forwarder.WithExplainedRoutes(s.Routes...))
	}
	if err != nil {
		return []forwarder.Check{wrong("routes", "", oneLine(err), "correct routes and settings in the configuration")}
	}
	return []forwarder.Check{fine("routes", "", "each has a topic")}
}
