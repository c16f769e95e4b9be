package results

import (
	"fmt"
	"math"
	"strings"
)

// none stands where there is no number.
const none = "–"

// A document is Markdown that grows.
type document struct{ strings.Builder }

func (d *document) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(d, format, args...) // a Builder takes everything
}

// head of a table; the first column is text and the others are numbers.
func (d *document) head(columns ...string) {
	d.row(columns...)
	d.printf("|---|%s\n", strings.Repeat("---:|", len(columns)-1))
}

func (d *document) row(columns ...string) {
	for i, c := range columns {
		columns[i] = plain(c)
	}
	d.printf("| %s |\n", strings.Join(columns, " | "))
}

// plain keeps a reason for a failure, which is anybody's text, in its line and
// its column.
func plain(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'").Replace(s)
}

func number(v float64, digits int) string {
	if math.IsNaN(v) {
		return none
	}
	return fmt.Sprintf("%.*f", digits, v)
}
