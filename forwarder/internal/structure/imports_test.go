package structure

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A room is a package of the root module, and the others of ours that it may
// import outside its tests. Names are below the module's path.
type room struct {
	name    string
	imports []string
}

// rooms has a row for each package, from the ground up: a row lists only rooms
// above it in this table, and only those that the package imports. The rows are
// also the linter's, in .golangci.yml.
var rooms = []room{
	{"batch/internal/jsontext", nil},
	{"batch/internal/splice", []string{"batch/internal/jsontext"}},
	{"batch", []string{"batch/internal/jsontext", "batch/internal/splice"}},
	{"settings", nil},
	{"partition", nil},
	{"auth", []string{"settings"}},

	{"forwarder/internal/structure", nil},
	{"forwarder/internal/testbatch", nil},   // for tests
	{"forwarder/internal/reachable", nil},   // for tests
	{"forwarder/internal/machineload", nil}, // for tests
	{"forwarder/internal/ctxwait", nil},
	{"forwarder/internal/backoff", nil},
	{"forwarder/internal/happyeyeballs", nil},
	{"forwarder/internal/tlsbuffer", nil},
	{"forwarder/internal/producer", nil},
	{"forwarder/internal/disk", nil},
	{"forwarder/internal/disktest", []string{"forwarder/internal/disk"}}, // for tests
	{"forwarder/internal/spoolstore", []string{"forwarder/internal/backoff", "forwarder/internal/disk"}},
	{"forwarder/internal/drain", []string{"forwarder/internal/producer", "forwarder/internal/spoolstore"}},
	{"forwarder/internal/window", []string{"batch"}},
	{"forwarder/internal/choose", []string{"partition"}},
	{"forwarder/internal/timestamp", nil},
	{"forwarder/internal/saramaconfig", []string{"settings", "auth", "forwarder/internal/backoff"}},
	{"forwarder/internal/connect", []string{
		"settings", "auth",
		"forwarder/internal/ctxwait", "forwarder/internal/backoff", "forwarder/internal/tlsbuffer",
		"forwarder/internal/saramaconfig",
	}},
	{"forwarder/internal/diagnose", []string{"settings", "forwarder/internal/ctxwait", "forwarder/internal/disk", "forwarder/internal/connect"}},
	{"forwarder/internal/watch", []string{"forwarder/internal/ctxwait", "forwarder/internal/producer"}},
	{"forwarder/internal/engine", []string{
		"partition",
		"forwarder/internal/ctxwait", "forwarder/internal/backoff", "forwarder/internal/happyeyeballs",
		"forwarder/internal/choose", "forwarder/internal/timestamp", "forwarder/internal/producer",
		"forwarder/internal/connect",
	}},
	{"forwarder/internal/asyncproducer", []string{
		"partition",
		"forwarder/internal/ctxwait", "forwarder/internal/backoff", "forwarder/internal/choose",
		"forwarder/internal/timestamp", "forwarder/internal/producer",
		"forwarder/internal/connect",
	}},

	{"forwarder/filters", []string{"batch", "settings"}},
	{"forwarder/spool", []string{"forwarder/internal/ctxwait", "forwarder/internal/disk", "forwarder/internal/spoolstore"}},
	{"forwarder", []string{
		"batch", "settings", "partition", "auth",
		"forwarder/internal/ctxwait", "forwarder/internal/timestamp", "forwarder/internal/producer", "forwarder/internal/disk", "forwarder/internal/spoolstore", "forwarder/internal/drain",
		"forwarder/internal/window", "forwarder/internal/choose", "forwarder/internal/connect",
		"forwarder/internal/diagnose", "forwarder/internal/watch", "forwarder/internal/engine", "forwarder/internal/asyncproducer",
		"forwarder/filters", "forwarder/spool",
	}},
	{"forwarder/receiver", []string{"batch", "settings", "forwarder", "forwarder/spool"}},
}

// tableFile says in each message where the table is.
const tableFile = " (forwarder/internal/structure/imports_test.go)"

// standardOnly lists the rooms that a program without Kafka can use without
// pulling in anything but the standard library.
var standardOnly = []string{
	"batch", "settings", "forwarder/filters", "forwarder/spool",
	"forwarder/internal/backoff", "forwarder/internal/ctxwait", "forwarder/internal/disk", "forwarder/internal/spoolstore", // below spool
}

func TestImports_pointOneWay(t *testing.T) {
	for _, problem := range forbiddenImports(rooms, roomImports(t)) {
		t.Error(problem)
	}
}

// TestImports_tableIsNoWider keeps the table at what there is, so that it is a
// map of the packages, and so that an import that is gone does not come back
// unnoticed.
func TestImports_tableIsNoWider(t *testing.T) {
	for _, problem := range unusedRules(rooms, roomImports(t)) {
		t.Error(problem)
	}
}

func TestImports_tablePointsUpwardsNowhere(t *testing.T) {
	for _, problem := range upwardImports(rooms) {
		t.Error(problem)
	}
}

// TestImports_theCheckCatches shows that the check fails where it should.
func TestImports_theCheckCatches(t *testing.T) {
	table := []room{{"ground", nil}, {"first", []string{"ground"}}, {"roof", []string{"first", "ground"}}}
	sound := map[string][]string{"ground": nil, "first": {"ground"}, "roof": {"first"}}
	require.Empty(t, forbiddenImports(table, sound))
	require.Empty(t, upwardImports(table))

	with := func(name string, imports ...string) map[string][]string {
		changed := maps.Clone(sound)
		changed[name] = imports
		return changed
	}
	for name, tc := range map[string]struct {
		imports map[string][]string
		want    string
	}{
		"upwards":       {with("ground", "roof"), "ground must not import roof: its row in the table of rooms does not list it" + tableFile},
		"sideways":      {with("first", "first/other"), "first must not import first/other: its row in the table of rooms does not list it" + tableFile},
		"a new package": {with("annex", "ground"), "annex has no row in the table of rooms: add it below the rooms that it imports" + tableFile},
	} {
		assert.Equal(t, []string{tc.want}, forbiddenImports(table, tc.imports), name)
	}

	require.Equal(t, []string{"the row of roof lists ground, which it does not import" + tableFile}, unusedRules(table, sound))
	assert.Equal(t, []string{"annex has a row, but is no package" + tableFile},
		unusedRules(append([]room{{"annex", nil}}, table...), with("roof", "first", "ground")))

	for name, tc := range map[string]struct {
		table []room
		want  string
	}{
		"upwards":  {[]room{{"ground", []string{"roof"}}, {"roof", nil}}, "the row of ground lists roof, which is not above it"},
		"itself":   {[]room{{"ground", []string{"ground"}}}, "the row of ground lists ground, which is not above it"},
		"unknown":  {[]room{{"ground", []string{"cellar"}}}, "the row of ground lists cellar, which is not above it"},
		"two rows": {[]room{{"ground", nil}, {"ground", nil}}, "ground has two rows"},
	} {
		assert.Equal(t, []string{tc.want + tableFile}, upwardImports(tc.table), name)
	}
}

// forbiddenImports returns what is wrong with the imports of packages by the
// table.
func forbiddenImports(table []room, imports map[string][]string) []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(imports)) {
		i := slices.IndexFunc(table, func(r room) bool { return r.name == name })
		if i < 0 {
			problems = append(problems, name+" has no row in the table of rooms: add it below the rooms that it imports"+tableFile)
			continue
		}
		for _, imported := range imports[name] {
			if !slices.Contains(table[i].imports, imported) {
				problems = append(problems, fmt.Sprintf("%s must not import %s: its row in the table of rooms does not list it%s", name, imported, tableFile))
			}
		}
	}
	return problems
}

// unusedRules returns rows without a package, and imports in rows that their
// packages do not have.
func unusedRules(table []room, imports map[string][]string) []string {
	var problems []string
	for _, r := range table {
		own, ok := imports[r.name]
		if !ok {
			problems = append(problems, r.name+" has a row, but is no package"+tableFile)
			continue
		}
		for _, name := range r.imports {
			if !slices.Contains(own, name) {
				problems = append(problems, fmt.Sprintf("the row of %s lists %s, which it does not import%s", r.name, name, tableFile))
			}
		}
	}
	return problems
}

// upwardImports returns where the table itself breaks its order.
func upwardImports(table []room) []string {
	var problems []string
	above := map[string]bool{}
	for _, r := range table {
		if above[r.name] {
			problems = append(problems, r.name+" has two rows"+tableFile)
		}
		for _, imported := range r.imports {
			if !above[imported] {
				problems = append(problems, fmt.Sprintf("the row of %s lists %s, which is not above it%s", r.name, imported, tableFile))
			}
		}
		above[r.name] = true
	}
	return problems
}

func TestImports_whatStandsAloneNeedsOnlyTheStandardLibrary(t *testing.T) {
	all := rootPackages(t)
	for path, p := range all {
		if !ours(path) || !isStandardOnly(path) {
			continue
		}
		for _, dep := range p.Deps {
			assert.True(t, all[dep].Standard || isStandardOnly(dep), "%s needs %s", path, dep)
		}
	}
	for _, name := range []string{"batch", "settings"} {
		assert.Contains(t, all, root+"/"+name)
	}
}

func isStandardOnly(path string) bool {
	return slices.ContainsFunc(standardOnly, func(name string) bool { return under(root+"/"+name, path) })
}

func TestImports_keepTestLibrariesInTests(t *testing.T) {
	for path, p := range rootPackages(t) {
		if !ours(path) {
			continue
		}
		for _, dep := range p.Deps {
			assert.False(t, under("github.com/stretchr", dep), "%s needs %s outside its tests", path, dep)
		}
	}
}

func TestImports_leaveUnsafeAlone(t *testing.T) {
	for path, p := range rootPackages(t) {
		if ours(path) {
			assert.NotContains(t, p.Imports, "unsafe", "%s", path)
		}
	}
}

// The exported part of forwardertest does what every user could do; only its
// tests and its own internal packages may look behind the forwarder.
func TestImports_forwardertestUsesExportedPackagesOnly(t *testing.T) {
	if !hasForwardertest() {
		t.Skip("forwardertest is a module of its own and not part of this copy")
	}
	all := goList(t, forwardertestDir, "-find", "./...") // -find: needs none of its dependencies
	require.NotEmpty(t, all)
	for path, p := range all {
		if strings.Contains(path+"/", "/internal/") {
			continue
		}
		for _, dep := range p.Imports {
			assert.False(t, under(root+"/forwarder/internal", dep), "%s imports %s", path, dep)
		}
	}
}

// rootPackages returns the packages of the root module and all that they need.
func rootPackages(t *testing.T) map[string]listed {
	t.Helper()
	all := goList(t, rootDir, "-deps", "./...")
	require.Contains(t, all, root+"/forwarder")
	return all
}

// roomImports returns for each package of the root module those of ours that it
// imports outside its tests.
func roomImports(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for path, p := range rootPackages(t) {
		if !ours(path) {
			continue
		}
		all[below(path)] = nil
		for _, imported := range p.Imports {
			if ours(imported) {
				all[below(path)] = append(all[below(path)], below(imported))
			}
		}
	}
	return all
}
