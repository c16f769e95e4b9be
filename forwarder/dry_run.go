package forwarder

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// DryRun explains many batches, such as those that [batch.Read] finds in a file,
// and counts for each filter and reason what would not be sent. It makes no
// connection; filters run as in [Explain]. Windows ([WithWindow]) gather nothing here:
// each batch counts as it would leave by itself.
//
// What the sequence yields with an error is counted as unreadable, and the run goes
// on. DryRun returns what it has counted, and the context's error if ctx ends
// before the sequence does. It takes one batch after the other on the caller's
// goroutine, and keeps none.
func DryRun(ctx context.Context, s settings.Settings, batches iter.Seq2[*batch.Batch, error], opts ...Option) (DryRunReport, error) {
	var report DryRunReport
	x, err := newExplainer(s, opts)
	if err != nil {
		return report, err
	}
	rows := map[[2]string]*DryRunRow{}
	for b, err := range batches {
		if ctx.Err() != nil {
			break
		}
		if err != nil || b == nil || b.Size() == 0 {
			report.Unreadable++
			continue
		}
		report.count(x.explain(ctx, b), rows)
	}
	for _, row := range rows {
		if row.Share = 0; report.Events > 0 {
			row.Share = float64(row.Events) / float64(report.Events)
		}
		report.Rows = append(report.Rows, *row)
	}
	slices.SortFunc(report.Rows, func(a, b DryRunRow) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(b.Batches, a.Batches), cmp.Compare(a.Filter, b.Filter), cmp.Compare(a.Reason, b.Reason))
	})
	return report, ctx.Err()
}

// A DryRunReport counts what would become of many batches. Its String is a table.
type DryRunReport struct {
	Batches    int         `json:"batches"`    // without the unreadable ones
	Unreadable int         `json:"unreadable"` // no batches
	Events     int         `json:"events"`     // of all batches
	SentEvents int         `json:"sent_events"`
	Messages   int         `json:"messages"` // that would be sent
	Bytes      int64       `json:"bytes"`    // of their values
	Failed     int         `json:"failed"`   // batches for which Forward would return an error
	Rows       []DryRunRow `json:"rows"`     // the largest first
}

// A DryRunRow counts what one filter or setting does for one reason.
type DryRunRow struct {
	Filter  string  `json:"filter"`
	Reason  string  `json:"reason"`  // "edited" for events and batches in which it edits a member
	Events  int     `json:"events"`  // that are not sent, or edited
	Batches int     `json:"batches"` // in which that happens to an event or to the batch
	Share   float64 `json:"share"`   // Events as a part of all events, from 0 to 1
}

// reasonEdited is the reason of rows that count edits.
const reasonEdited = "edited"

// count adds one batch.
func (r *DryRunReport) count(e Explanation, rows map[[2]string]*DryRunRow) {
	r.Batches++
	r.Messages += len(e.Messages)
	for _, m := range e.Messages {
		r.Bytes += int64(m.Bytes)
	}
	inBatch := map[[2]string]int{}
	for _, event := range e.Events {
		if event.Filter == droppedBefore {
			continue
		}
		r.Events++
		if event.Kept {
			r.SentEvents++
		} else {
			inBatch[[2]string{event.Filter, event.Reason}]++
		}
		edited := map[string]bool{}
		for _, edit := range event.Edits {
			if !edited[edit.Filter] {
				inBatch[[2]string{edit.Filter, reasonEdited}]++
			}
			edited[edit.Filter] = true
		}
	}
	for _, edit := range e.Edits {
		inBatch[[2]string{edit.Filter, reasonEdited}] += 0
	}
	if n := len(e.Dropped); n > 0 && e.Dropped[n-1].Batch {
		inBatch[[2]string{e.Dropped[n-1].Filter, e.Dropped[n-1].Reason}] += 0 // also without events
	}
	if e.Err != nil {
		r.Failed++
		inBatch[[2]string{failedStep(e.Err), reasonNotSent}] += 0
	}
	for key, events := range inBatch {
		if rows[key] == nil {
			rows[key] = &DryRunRow{Filter: key[0], Reason: key[1]}
		}
		rows[key].Events += events
		rows[key].Batches++
	}
}

// MarshalJSON writes the report with an empty list of rows where there are none.
func (r DryRunReport) MarshalJSON() ([]byte, error) {
	type plain DryRunReport
	r.Rows = append([]DryRunRow{}, r.Rows...)
	return json.Marshal(plain(r))
}

// String returns a table for a terminal.
func (r DryRunReport) String() string {
	var rows, b strings.Builder
	rows.WriteString("FILTER\tREASON\tEVENTS\tBATCHES\tSHARE\n")
	for _, row := range r.Rows {
		fmt.Fprintf(&rows, "%s\t%s\t%d\t%d\t%.1f %%\n", row.Filter, row.Reason, row.Events, row.Batches, 100*row.Share)
	}
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(table, rows.String()) // into memory
	_ = table.Flush()
	fmt.Fprintf(&b, "read: batches %d, events %d\n", r.Batches, r.Events)
	fmt.Fprintf(&b, "sent: events %d, messages %d, bytes %d\n", r.SentEvents, r.Messages, r.Bytes)
	if r.Failed > 0 {
		fmt.Fprintf(&b, "failed: batches %d\n", r.Failed)
	}
	if r.Unreadable > 0 {
		fmt.Fprintf(&b, "no batches: %d\n", r.Unreadable)
	}
	return b.String()
}
