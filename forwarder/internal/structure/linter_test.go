package structure

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of rooms into .golangci.yml")

// TestImports_linterHasTheTable keeps the rules of depguard at what the table
// of rooms says. Run go test ./forwarder/internal/structure -update to write
// them.
func TestImports_linterHasTheTable(t *testing.T) {
	file := filepath.Join(rootDir, ".golangci.yml")
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skip("the linter's configuration is not part of this copy")
	}
	require.NoError(t, err)
	const begin, end = "        # rooms: written by go test ./forwarder/internal/structure -update\n", "        # end of rooms\n"
	before, rest, ok := strings.Cut(string(data), begin)
	require.True(t, ok, ".golangci.yml has no line %q", begin)
	is, after, ok := strings.Cut(rest, end)
	require.True(t, ok, ".golangci.yml has no line %q", end)

	want := linterRules(rooms)
	if *update && is != want {
		require.NoError(t, os.WriteFile(file, []byte(before+begin+want+end+after), 0o644))
		return
	}
	assert.Equal(t, want, is, "run go test ./forwarder/internal/structure -update")
}

// linterRules returns a rule of depguard for each room: of our packages, its
// files import those of its row. A $ ends a name, which else is a prefix.
func linterRules(table []room) string {
	var b strings.Builder
	for _, r := range table {
		fmt.Fprintf(&b, "        room %s:\n          list-mode: lax\n", r.name)
		fmt.Fprintf(&b, "          files: [\"**/%s/*.go\", \"!$test\"]\n", r.name)
		if len(r.imports) > 0 {
			b.WriteString("          allow:\n")
		}
		for _, name := range r.imports {
			fmt.Fprintf(&b, "            - %s/%s$\n", root, name)
		}
		fmt.Fprintf(&b, "          deny:\n            - pkg: %s\n              desc: the table of rooms does not list it for %s\n", root, r.name)
	}
	return b.String()
}
