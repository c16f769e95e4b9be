package judge

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

const around = 2 // attempts of the same owner before and after that are shown

// show writes the shortest history around a violation: what its owner did just
// before, at and after the attempt it is about.
func (h *history) show(w io.Writer, v Violation) error {
	if v.at.owner < 0 {
		return nil
	}
	f, err := os.Open(h.file.Name())
	if err != nil {
		return fmt.Errorf("judge: history: %w", err)
	}
	defer f.Close()
	records := trace.NewReader(f)
	for {
		r, err := records.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.Kind != trace.Mark && r.Owner == v.at.owner && r.N+around >= v.at.n && r.N <= v.at.n+around {
			printf(w, "    %s\n", line(&r))
		}
	}
}

func line(r *trace.Record) string {
	s := fmt.Sprintf("%12s owner %d number %d %-7s", r.At.Round(1000), r.Owner, r.N, r.Kind)
	if r.Kind == trace.Invoke {
		s += fmt.Sprintf(" %s id %d", r.Way, r.ID)
		if r.To > 0 {
			s += fmt.Sprintf(" events %d to %d", r.From, r.To)
		}
		return s
	}
	for _, m := range r.Messages {
		s += " " + m.Outcome.String()
		if m.Partition >= 0 {
			s += fmt.Sprintf(" partition %d", m.Partition)
		}
		if m.Offset >= 0 {
			s += fmt.Sprintf(" offset %d", m.Offset)
		}
	}
	if r.Cause != "" {
		s += " (" + r.Cause + ")"
	}
	return s
}
