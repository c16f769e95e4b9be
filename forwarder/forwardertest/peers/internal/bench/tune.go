package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

// TuneOptions say which part of the work on one broker is measured, to see the
// effect of a change of code. An empty field chooses nothing.
type TuneOptions struct {
	Options
	Rows    []int    // of the bars; with none, all work
	Size    string   // the beginning of its name
	Codec   string   // none, lz4 or zstd
	Shape   string   // single, groups or pipeline
	Only    []string // contenders; with none, those that the rows compare
	Rounds  int
	Brokers int // 1 or 3

	Profile string // contender that is profiled at last, in each kind of work
	Folder  string // for its profiles
}

// tuneWarm is shorter than for a run: tuning looks at processor time first.
const tuneWarm = 15 * time.Second

// Tune measures, with the contenders of a round after each other and with the
// rounds of the kinds of work in turn. With an error the results hold the
// measurements until then.
func Tune(ctx context.Context, o TuneOptions) (*results.Results, error) {
	dir, err := os.MkdirTemp("", "eventferry-peers")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // in the system's folder for temporary files
	s, err := o.stage()
	if err != nil {
		return nil, err
	}
	r := newRun(o.Options, dir)
	if o.Profile != "" {
		s.last = func(ctx context.Context, k *apache) error { return r.profileEach(ctx, k, o, s.cells) }
	}
	r.bar.add(r.estimate(s))
	return r.results, r.stage(ctx, s)
}

func (o TuneOptions) stage() (stage, error) {
	if o.Profile == peer.Java {
		return stage{}, fmt.Errorf("bench: there are no profiles of %s", o.Profile)
	}
	cells := o.cells()
	if len(cells) == 0 {
		return stage{}, fmt.Errorf("bench: nothing chosen")
	}
	s := stage{version: apachekafka.Version39, brokers: o.Brokers, cells: cells, warm: tuneWarm}
	if o.Brokers > 1 {
		s.version = apachekafka.Version43
	}
	return s, nil
}

// cells is the work that is chosen.
func (o TuneOptions) cells() []cell {
	var cells []cell
	for _, c := range oneBroker(false) {
		if !o.chooses(c) {
			continue
		}
		c.contenders, c.rounds = append([]string{peer.Engine, peer.Seam}, peer.Lingers()...), o.Rounds
		if len(o.Rows) > 0 {
			if c.contenders = results.Wanted(o.Rows, c.size.Name, c.codec, c.shape()); len(c.contenders) == 0 {
				continue
			}
		}
		if len(o.Only) > 0 {
			c.contenders = o.Only
		}
		cells = append(cells, c)
	}
	return cells
}

func (o TuneOptions) chooses(c cell) bool {
	shape := "groups"
	switch {
	case c.pipe:
		shape = "pipeline"
	case c.group == 1:
		shape = "single"
	}
	return strings.HasPrefix(c.size.Name, o.Size) && (o.Codec == "" || o.Codec == c.codec) && (o.Shape == "" || o.Shape == shape)
}

// profileEach writes a profile of one contender for each kind of work.
func (r *run) profileEach(ctx context.Context, k *apache, o TuneOptions, cells []cell) error {
	if err := os.MkdirAll(o.Folder, 0o755); err != nil { //nolint:gosec // no secrets
		return fmt.Errorf("bench: %w", err)
	}
	r.Measure = profiled
	for _, c := range cells {
		name := strings.ReplaceAll(fmt.Sprintf("%s %s.pprof", o.Profile, c), " ", "-")
		path := filepath.Join(o.Folder, name)
		if _, err := r.measure(ctx, k, c, o.Profile, path); err != nil {
			return fmt.Errorf("bench: profile of %s, %s: %w", o.Profile, c, err)
		}
		r.bar.say(r.Out, "%s", path)
	}
	return nil
}

// ParseRows reads row numbers with commas between them.
func ParseRows(text string) ([]int, error) {
	var rows []int
	for _, field := range fieldsOf(text) {
		var row int
		if n, err := fmt.Sscan(field, &row); n != 1 || err != nil || row < 1 || row > results.Rows {
			return nil, fmt.Errorf("bench: no row %q, only 1 to %d", field, results.Rows)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// ParseContenders reads names, in full or abbreviated, with commas between them.
func ParseContenders(text string) ([]string, error) {
	var names []string
	for _, field := range fieldsOf(text) {
		name, ok := peer.Called(field)
		if !ok {
			return nil, fmt.Errorf("bench: no contender is called %q", field)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func fieldsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
