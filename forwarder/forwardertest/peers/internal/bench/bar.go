package bench

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

// A bar shows how far a run is, and how long it will take yet: as long for each
// measurement as for those before.
type bar struct {
	all, finished int
	spent         time.Duration
}

func (b *bar) add(jobs int) { b.all += jobs }

// estimate counts the measurements of a stage.
func (r *run) estimate(s stage) int {
	n := 0
	for _, c := range s.cells {
		n += len(c.contenders) * c.rounds
	}
	for _, g := range s.growth {
		n += len(g.contenders) * g.rounds
	}
	return n
}

// done counts a measurement and says what came of it.
func (b *bar) done(w io.Writer, took time.Duration, what string, m results.Measurement) {
	b.finished++
	b.spent += took
	text := fmt.Sprintf("%8.0f/s %7.1f us", m.Rate, m.CPUMicros)
	if m.Error != "" {
		text = "FAILED: " + m.Error
	}
	b.say(w, "%-60s %s", what, text)
}

// say writes a line, with the bar before it.
func (b *bar) say(w io.Writer, format string, args ...any) {
	const width = 20
	full, left := 0, time.Duration(0)
	if b.finished > 0 {
		full = width * b.finished / b.all
		left = b.spent / time.Duration(b.finished) * time.Duration(b.all-b.finished)
	}
	_, _ = fmt.Fprintf(w, "[%s%s] %4d of %d, %5s left  %s\n", strings.Repeat("#", full), strings.Repeat(".", width-full),
		b.finished, b.all, left.Round(time.Second), fmt.Sprintf(format, args...))
}
