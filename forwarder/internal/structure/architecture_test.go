package structure

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quoted are names between back quotes, in a cell of a table.
var quoted = regexp.MustCompile("`([^`]+)`")

// tableRows returns the rooms of the first table of a page that has a column Imports, and what
// that lists, each by the last part of its name.
func tableRows(page string) (list []room) {
	_, table, _ := strings.Cut(page, "| Room | Idea | Imports | Changes |\n")
	for line := range strings.Lines(table) {
		const name, imports, columns = 1, 3, 6
		cells := strings.Split(line, "|")
		if len(cells) != columns {
			break
		}
		row := room{}
		for _, m := range quoted.FindAllStringSubmatch(cells[name], 1) {
			row.name = m[1]
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[imports], -1) {
			row.imports = append(row.imports, m[1])
		}
		if row.name != "" {
			list = append(list, row)
		}
	}
	return list
}

// The page for newcomers says of each room what it imports, as the table that is checked.
func TestArchitecture_imports(t *testing.T) {
	page, err := os.ReadFile("../../../.github/ARCHITECTURE.md")
	require.NoError(t, err)
	var want []room
	for _, r := range rooms {
		row := room{name: r.name}
		for _, i := range r.imports {
			row.imports = append(row.imports, path.Base(i))
		}
		want = append(want, row)
	}
	assert.Equal(t, want, tableRows(string(page)))
}

// The check above sees each cell: a page that lacks an import, or a room, is not the same.
func TestArchitecture_tableRows(t *testing.T) {
	const page = "# Rooms\n\n| Room | Idea | Imports | Changes |\n|---|---|---|---|\n" +
		"| `a/b` | an idea, like `c` | – | |\n| `a/d` | another | `b`, `e` | [changes](#x) |\n\n| `f` | of the next table | `g` | |\n"
	assert.Equal(t, []room{{name: "a/b"}, {name: "a/d", imports: []string{"b", "e"}}}, tableRows(page))
}
