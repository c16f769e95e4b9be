package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

// A Service is what a service with doors needs of its own machine.
type Service struct {
	Feeds             []receiver.Feed
	Variable          string // begins the names of those with the feeds' secrets
	Proxied           bool   // proxies have the certificate
	CertFile, KeyFile string
	Quarantine        string      // the folder; "": none
	Listen            [][2]string // the member of the configuration, and the address
	Settings          settings.Settings
	Routes            []forwarder.Route // in place of Settings.TopicName
}

// Look looks at all of it. A check has an Err if the service must not start with it.
// Nothing stays open, and nothing stays written.
func (s Service) Look(ctx context.Context) []forwarder.Check {
	checks := s.feeds()
	if !s.Proxied {
		checks = append(checks, certificate(s.CertFile, s.KeyFile))
	}
	if s.Quarantine != "" {
		checks = append(checks, quarantineFolder(s.Quarantine))
	}
	checks = append(append(checks, s.addresses(ctx)...), s.routes(ctx)...)
	if s.Settings.Spool.Dir == "" {
		checks = append(checks, wrong("settings.spool.dir", "", "missing", "name a folder on a local disk: batches are taken while Kafka is away"))
	}
	return checks
}

// Print prints checks, and returns an error if one is not well.
func Print(out io.Writer, checks []forwarder.Check) error {
	if _, err := fmt.Fprint(out, forwarder.Report{Checks: checks}); err != nil {
		return err
	}
	var failed []string
	for _, c := range checks {
		if c.Status == forwarder.CheckFailed && !slices.Contains(failed, c.Step) {
			failed = append(failed, c.Step)
		}
	}
	switch {
	case len(failed) > 0:
		return errors.New("a check has failed: " + strings.Join(failed, ", "))
	case forwarder.Report{Checks: checks}.Status() == forwarder.CheckWarning:
		return errWarnings
	default:
		return nil
	}
}

// Refusal returns what a service must not start with, nil if there is nothing.
func Refusal(checks []forwarder.Check) error {
	var errs []error
	for _, c := range checks {
		if c.Err != nil {
			errs = append(errs, c.Err)
		}
	}
	return errors.Join(errs...)
}

// wrong is a check that keeps the service from starting.
func wrong(step, target, found, do string) forwarder.Check {
	return forwarder.Check{
		Step: step, Target: target, Status: forwarder.CheckFailed, Found: found, Do: do,
		Err: fmt.Errorf("%s: %s: %s", strings.TrimSpace(step+" "+target), found, do),
	}
}

func fine(step, target, found string) forwarder.Check {
	return forwarder.Check{Step: step, Target: target, Found: found}
}

// feeds has a check for each feed without a secret, and otherwise one for all.
func (s Service) feeds() (checks []forwarder.Check) {
	var names []string
	for i, f := range s.Feeds {
		if names = append(names, f.Name); len(f.Secrets) == 0 {
			checks = append(checks, wrong("feeds", fmt.Sprintf("%d (%q)", i, f.Name), "no secret", secretFor(s.Variable, f.Name)))
		}
	}
	if len(checks) > 0 {
		return checks
	}
	if _, err := receiver.StaticFeeds(s.Feeds...); err != nil {
		return []forwarder.Check{wrong("feeds", "", oneLine(err), "correct feeds in the configuration")}
	}
	return []forwarder.Check{fine("feeds", "", fmt.Sprintf("each has a secret: %q", names))}
}

// secretFor says how a feed gets its secret.
func secretFor(variable, feed string) string {
	if feed == "" || strings.ContainsFunc(feed, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) {
		return "give it a name of letters, digits and _, for the variable " + variable + "NAME, or secrets in the configuration"
	}
	return "set the variable " + variable + feed + ", or secrets in the configuration"
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
