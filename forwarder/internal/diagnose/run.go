package diagnose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/settings"
)

// Config says what to look at.
type Config struct {
	Settings  settings.Settings // with defaults, unless there are mistakes
	Mistakes  []error           // in the settings, or in the files that they name
	Probe     *connect.Probe    // nil if there are mistakes
	OwnDialer bool              // a function of the caller's opens connections
	Windows   Windows           // the zero Windows: there are none
}

// A Report is the checks in order.
type Report struct {
	Checks     []Check
	Partitions int32 // of the topic; 0: not known
}

// Run looks at everything behind the settings. It returns soon after ctx has ended,
// with the rest skipped, and leaves nothing open.
func Run(ctx context.Context, c Config) Report {
	r := &run{
		probe: c.Probe, delivery: c.Settings.Delivery, topic: c.Settings.TopicName,
		ownDialer: c.OwnDialer, walked: map[string]*walkedServer{},
	}
	defer r.close()
	if r.settings(c.Mistakes); len(c.Mistakes) > 0 {
		r.skip(ctx, stepResolve, stepDial, stepTLS, stepAuthenticate, stepVersions, stepBootstrap, stepCluster, stepBroker,
			stepTopic, stepRights, stepProducerID, stepTopicConfig, stepBrokerConfig, stepClock)
		return Report{Checks: r.main.checks}
	}
	r.credentials(ctx)
	r.bootstrap(ctx, c.Settings.Servers())
	r.cluster(ctx)
	r.brokers(ctx)
	partitions := r.describeTopic(ctx)
	r.clock(ctx)
	r.spool(ctx, c.Settings.Spool)
	r.windows(ctx, c.Windows)
	return Report{Checks: r.main.checks, Partitions: partitions}
}

// settings has a check for each mistake.
func (r *run) settings(mistakes []error) {
	for _, err := range mistakes {
		r.main.add(stepSettings, mistaken(err), failedFor(err, ""))
		r.main.without(stepSettings, needed(stepSettings, ""))
	}
	if len(mistakes) == 0 {
		r.main.add(stepSettings, "", fine("complete, and their files can be read"))
	}
}

// mistaken returns the key of the setting that has a mistake, if it is known.
func mistaken(err error) string {
	if field, ok := errors.AsType[*settings.FieldError](err); ok {
		return field.Field
	}
	return ""
}

// skip notes steps that need the settings.
func (r *run) skip(ctx context.Context, steps ...string) {
	for _, step := range steps {
		r.main.run(ctx, step, "", []string{stepSettings}, nil)
	}
}

// credentials asks for them, also where a function of the caller's has them.
func (r *run) credentials(ctx context.Context) {
	var own sequence
	own.run(ctx, stepCredentials, "", nil, func() finding {
		var err error
		if r.sarama, err = r.probe.Config(ctx); err != nil {
			return failedFor(err, "")
		}
		return fine("")
	})
	if r.lacksCredentials = own.unknown[stepCredentials]; r.lacksCredentials != "" {
		r.main.checks = append(r.main.checks, own.checks...) // nothing to tell when they are there
	}
}

// bootstrap walks to every bootstrap server, of which one suffices.
func (r *run) bootstrap(ctx context.Context, servers []string) {
	once := slices.Compact(slices.Sorted(slices.Values(servers)))
	list := make([]*walkedServer, len(once))
	some, cancel := half(ctx)
	defer cancel()
	each(len(once), func(i int) { list[i] = r.walk(some, once[i]) })
	for _, t := range list {
		r.walked[t.server] = t
	}
	slices.SortFunc(list, func(a, b *walkedServer) int { // as the settings list them
		return cmp.Compare(slices.Index(servers, a.server), slices.Index(servers, b.server))
	})
	for _, t := range list {
		if t.link != nil {
			r.links = append(r.links, t.link)
		}
	}
	errs := make([]error, len(servers))
	for i, server := range servers {
		errs[i] = r.walked[server].err
	}
	for _, t := range list {
		if len(r.links) > 0 {
			t.downgrade()
		}
		r.main.checks = append(r.main.checks, t.checks...)
	}
	if why := r.unusable(list); why != "" {
		r.main.without(stepAuthenticate, why)
	}
	r.main.run(summing(ctx), stepBootstrap, "", []string{stepAuthenticate}, func() finding {
		if len(r.links) == 0 {
			return failedFor(r.probe.Unreached(errs), "")
		}
		return fine(fmt.Sprintf("%d of %s can be used", len(r.links), count(len(list), "server")))
	})
}

// unusable returns why no server is of use, if that has been told already: "" if one is,
// or if they cannot be reached.
func (r *run) unusable(list []*walkedServer) string {
	refused := slices.IndexFunc(list, func(t *walkedServer) bool { return connect.Refuses(t.err) })
	switch {
	case len(r.links) > 0:
		return ""
	case r.lacksCredentials != "":
		return r.lacksCredentials
	case refused >= 0:
		return list[refused].lacks
	case !slices.ContainsFunc(list, func(t *walkedServer) bool { return t.err != nil }):
		return list[0].lacks // the context had ended
	default:
		return ""
	}
}
