package structure

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/assert"
)

// A knot is a set of files of one package that all reach each other by what
// they name. Such files can only be understood together.

// usualKnot is how many files a knot may have where largestKnots says nothing.
const usualKnot = 3

// largestKnots says how many files a package's largest knot may have. A number
// may go down. A file that joins a knot belongs elsewhere, or needs less.
var largestKnots = map[string]int{
	"batch":                            5,
	"settings":                         7,
	"forwarder/internal/engine":        12,
	"forwarder/internal/asyncproducer": 4,
	"forwarder/internal/spoolstore":    4,

	"forwarder/forwardertest":                     6,
	"forwarder/forwardertest/apachekafka":         12,
	"forwarder/forwardertest/internal/judge":      13,
	"forwarder/forwardertest/internal/judge/load": 6,
}

// TestKnots_doNotGrow prints the table of files, lines and knots, too.
func TestKnots_doNotGrow(t *testing.T) {
	packages := loadPackages(t, rootDir)
	if hasForwardertest() {
		packages = append(packages, loadPackages(t, forwardertestDir)...)
	}
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "files\tlines\tknot\tmay be\t package\n")
	for _, p := range packages {
		knot, most := p.references().largestKnot(), mayBe(p.name)
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t %s\n", len(p.files), p.lines(), len(knot), most, p.name)
		assert.LessOrEqual(t, len(knot), most, "%s: these files all reach each other: %s", p.name, strings.Join(knot, ", "))
	}
	assert.NoError(t, table.Flush())
	t.Log("without tests:\n" + out.String())
}

func mayBe(name string) int {
	if most, ok := largestKnots[name]; ok {
		return most
	}
	return usualKnot
}

func (p *checkedPackage) lines() int {
	lines := 0
	for _, f := range p.files {
		lines += f.lines
	}
	return lines
}
