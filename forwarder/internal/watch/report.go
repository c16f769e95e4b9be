package watch

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

var errNoAnswer = errors.New("no acknowledgement from the partition's leader")

// report compares what waits with what was reported before, and reports what has
// ended, is new, has another cause, or has lasted for long.
func (w *Watcher) report(list []producer.Waiting) {
	w.endWaits(list)
	if len(list) == 0 {
		return
	}
	w.expectAcknowledgements(list) // one may come during the diagnosis
	causeOf := w.diagnoseIfStale()
	if w.ctx.Err() != nil {
		return
	}
	now := time.Now()
	waits := maps.Clone(w.waits) // only rounds write it
	if waits == nil {
		waits = make(map[int32]*wait, len(list))
	}
	due := make([]*wait, 0, len(list))
	for _, l := range list {
		info := Info{Partition: l.Partition, Since: l.Since, Next: l.Next}
		info.Cause = cmp.Or(l.Cause, errNoAnswer)
		if !l.Certain {
			info.Cause = cmp.Or(causeOf(l.Partition), info.Cause)
		}
		n := &wait{info: info, began: l.Since, key: causeKey(info.Cause), reported: now}
		if b := waits[l.Partition]; b != nil {
			n.began = b.began
			if b.key == n.key && now.Sub(b.reported) < repeatAfter {
				n.reported, n.logged = b.reported, b.logged
			}
		}
		if n.reported.Equal(now) || !n.logged {
			due = append(due, n)
		}
		waits[l.Partition] = n
	}
	w.setWaits(waits)
	for _, n := range due {
		if w.Report != nil && n.reported.Equal(now) {
			apart(func() { w.Report(w.ctx, n.info) })
		}
		w.log(n, len(list), now)
	}
}

// Waits returns what waits, by partition, as the last round has found it. The
// caller must not change it.
func (w *Watcher) Waits() []Info {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.listed
}

// setWaits replaces what waits. Neither the map nor what is made of it changes any
// more.
func (w *Watcher) setWaits(waits map[int32]*wait) {
	listed := make([]Info, 0, len(waits))
	for _, n := range waits {
		if n.gone.IsZero() {
			listed = append(listed, n.info)
		}
	}
	slices.SortFunc(listed, func(a, b Info) int { return cmp.Compare(a.Partition, b.Partition) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits, w.listed = waits, listed
	if len(waits) == 0 {
		w.began = time.Time{}
		return
	}
	for _, n := range waits {
		if w.began.IsZero() || n.began.Before(w.began) {
			w.began = n.began
		}
	}
}

// expectAcknowledgements makes Acknowledged note the partitions that wait, and
// those whose waits seem to have ended.
func (w *Watcher) expectAcknowledgements(list []producer.Waiting) {
	before := w.expectedAcknowledgements()
	expected := make(map[int32]*acknowledgement, len(list))
	for partition := range w.waits {
		if b := before[partition]; b != nil {
			expected[partition] = b
		}
	}
	for _, l := range list {
		if b := before[l.Partition]; b != nil && b.since.Equal(l.Since) {
			expected[l.Partition] = b // it may have come after list was made
		} else {
			expected[l.Partition] = &acknowledgement{since: l.Since}
		}
	}
	w.acknowledged.Store(&expected)
}

func (w *Watcher) expectedAcknowledgements() map[int32]*acknowledgement {
	if p := w.acknowledged.Load(); p != nil {
		return *p
	}
	return nil
}

// Acknowledged notes that a message of a partition was acknowledged. It does not
// block, and costs next to nothing while nothing waits.
func (w *Watcher) Acknowledged(partition int32) {
	expected := w.acknowledged.Load()
	if expected == nil {
		return
	}
	for _, p := range [...]int32{partition, AnyPartition} {
		if a := (*expected)[p]; a != nil {
			a.seen.Store(true)
		}
	}
}

// diagnoseIfStale asks for a diagnosis, unless the last one is still new.
func (w *Watcher) diagnoseIfStale() (causeOf func(partition int32) error) {
	period := diagnosisPeriod
	if w.isNew {
		period = diagnosisPeriodNew
	}
	if w.diagnosed.IsZero() || time.Since(w.diagnosed) >= period {
		w.isNew = false
		ctx, cancel := context.WithTimeout(w.ctx, diagnosisTimeout)
		defer cancel()
		w.causeOf, w.diagnosed = w.Diagnose(ctx), time.Now()
	}
	return w.causeOf
}

// log writes one line for each cause and half minute, whatever the number of
// partitions.
func (w *Watcher) log(n *wait, partitions int, now time.Time) {
	w.mu.Lock()
	last, known := w.lastLogs[n.key]
	due := !known || now.Sub(last) >= repeatAfter
	n.logged = due || !last.Before(w.began)
	if due {
		maps.DeleteFunc(w.lastLogs, func(_ string, at time.Time) bool { return now.Sub(at) >= repeatAfter })
		w.lastLogs[n.key] = now
	}
	w.mu.Unlock()
	if due {
		w.logged = true
		w.Logger.WarnContext(w.ctx, "delivery waits",
			slog.Int("partition", int(n.info.Partition)), slog.Int("partitions_waiting", partitions),
			slog.String("for", InUnits(now.Sub(n.info.Since))),
			slog.Int("messages_undecided", w.Undecided()),
			slog.String("cause", n.info.Cause.Error()), slog.String("next", n.info.Next))
	}
}

// InUnits returns d for a log, with its unit, which handlers for JSON leave out of a duration.
func InUnits(d time.Duration) string { return d.Round(time.Millisecond).String() }

// timestamp matches the times in texts of crypto/x509 and of authenticators.
var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\S*`)

// causeKey is the same for causes of the same kind, which may differ in a port
// number or the time: it is made of the innermost errors.
func causeKey(err error) string {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return causeKey(inner)
		}
	case interface{ Unwrap() []error }:
		var keys []string
		for _, inner := range e.Unwrap() {
			keys = append(keys, causeKey(inner))
		}
		slices.Sort(keys) // servers are asked in any order
		return strings.Join(slices.Compact(keys), "\n")
	}
	if cert, ok := err.(x509.CertificateInvalidError); ok { //nolint:errorlint // the tree is walked by hand
		return fmt.Sprintf("certificate: %d", cert.Reason) // its text has the current time
	}
	return timestamp.ReplaceAllString(err.Error(), "TIME")
}
