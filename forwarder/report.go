package forwarder

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eventferry/eventferry/forwarder/internal/diagnose"
)

// A Report is what [Diagnose] found, in the order in which it looked. It holds no
// password.
type Report struct {
	Checks     []Check
	Partitions int32 // of the topic; 0: not known
}

// A Check is one step that was looked at.
type Check struct {
	// Step is what was looked at: "settings", "credentials", "resolve", "connect",
	// "tls", "authenticate", "versions", "bootstrap", "cluster", "broker", "topic",
	// "rights", "producer id", "topic config", "broker config", "clock" or "spool". Later
	// versions may add steps.
	Step string
	// Target is which one, where there are several: a server, with one of its
	// addresses, a broker, a topic, a name in a configuration. It may be "".
	Target string
	Status CheckStatus
	Took   time.Duration
	// Found is one line. For a check that was skipped it says why.
	Found string
	// Do is what to do about it, in one line; "" means nothing.
	Do string
	// Err is what Found and Do are made of, where New would return it: for
	// what failed, and for a failure that others make up for, a warning.
	Err error
}

// A CheckStatus is how a check ended.
type CheckStatus int8

// The statuses of checks.
const (
	// CheckOK finds nothing to change.
	CheckOK CheckStatus = iota
	// CheckWarning finds what does not keep messages from being delivered now.
	CheckWarning
	// CheckFailed finds what does.
	CheckFailed
	// CheckSkipped could not look: an earlier check failed, the broker does not
	// tell, or the context has ended.
	CheckSkipped
)

// String returns "ok", "warning", "failed" or "skipped".
func (s CheckStatus) String() string {
	switch s {
	case CheckOK:
		return "ok"
	case CheckWarning:
		return "warning"
	case CheckFailed:
		return "failed"
	case CheckSkipped:
		return "skipped"
	default:
		return fmt.Sprintf("CheckStatus(%d)", int8(s))
	}
}

// Status returns the worst that was found: CheckFailed, CheckWarning or CheckOK.
// Checks that were skipped do not count, unless all were: then it is CheckSkipped.
func (r Report) Status() CheckStatus {
	worst := CheckSkipped
	for _, c := range r.Checks {
		if c.Status != CheckSkipped && (worst == CheckSkipped || c.Status > worst) {
			worst = c.Status
		}
	}
	return worst
}

// OK reports whether nothing was found to do: no check failed or warns, and one at
// least could be made.
func (r Report) OK() bool { return r.Status() == CheckOK }

// String returns the report for a terminal: a line for each check, in columns, and
// what to do on a line of its own behind it.
func (r Report) String() string {
	rows := make([][3]string, len(r.Checks))
	var widths [3]int
	for i, c := range r.Checks {
		rows[i] = [3]string{c.Status.String(), c.Step, c.Target}
		for column, text := range rows[i] {
			widths[column] = max(widths[column], utf8.RuneCountInString(text))
		}
	}
	var b strings.Builder
	for i, c := range r.Checks {
		line := ""
		for column, text := range rows[i] {
			line += text + strings.Repeat(" ", widths[column]-utf8.RuneCountInString(text)+2)
		}
		indent := strings.Repeat(" ", utf8.RuneCountInString(line))
		if took := c.Took.Round(time.Millisecond); took > 0 {
			line += c.Found + " (" + took.String() + ")"
		} else {
			line += c.Found
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		if c.Do != "" {
			b.WriteString(indent + "-> " + c.Do + "\n")
		}
	}
	return b.String()
}

// MarshalJSON returns an object with the members status, partitions (left out if they
// are not known) and checks. Each check has step, target, status, took_ms and found,
// and do and error where there are any. Members may be added, and none is renamed.
func (r Report) MarshalJSON() ([]byte, error) {
	type check struct {
		Step   string  `json:"step"`
		Target string  `json:"target"`
		Status string  `json:"status"`
		TookMS float64 `json:"took_ms"`
		Found  string  `json:"found"`
		Do     string  `json:"do,omitempty"`
		Error  string  `json:"error,omitempty"`
	}
	report := struct {
		Status     string  `json:"status"`
		Partitions int32   `json:"partitions,omitempty"`
		Checks     []check `json:"checks"`
	}{r.Status().String(), r.Partitions, make([]check, len(r.Checks))}
	for i, c := range r.Checks {
		report.Checks[i] = check{
			Step: c.Step, Target: c.Target, Status: c.Status.String(), Found: c.Found, Do: c.Do,
			TookMS: float64(c.Took.Microseconds()) / 1000,
		}
		if c.Err != nil {
			report.Checks[i].Error = c.Err.Error()
		}
	}
	return json.Marshal(report)
}

func newReport(r diagnose.Report) Report {
	report := Report{Checks: make([]Check, len(r.Checks)), Partitions: r.Partitions}
	for i, c := range r.Checks {
		report.Checks[i] = Check{c.Step, c.Target, CheckStatus(c.Status), c.Took, c.Found, c.Do, c.Err}
	}
	return report
}
