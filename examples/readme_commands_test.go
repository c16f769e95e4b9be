package examples_test

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A testList returns the names of the tests of a package, "./batch" for instance, and nil
// if there is no such package.
type testList func(folder string) []string

// goTestList asks the go command, once for each package.
func goTestList(t *testing.T) testList {
	t.Helper()
	known := map[string][]string{}
	return func(folder string) []string {
		names, ok := known[folder]
		if _, err := os.Stat(filepath.Join(root(t), folder)); ok || err != nil {
			return names
		}
		cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-list", ".", folder)
		inWorkspace(t, cmd)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", folder, out)
		names = regexp.MustCompile(`(?m)^(?:Test|Fuzz)\w+`).FindAllString(string(out), -1)
		known[folder] = names
		return names
	}
}

// The commands that prove guarantees run tests when they are typed as they stand, and the
// table names tests that exist: "no tests to run" passes.
func TestREADME_namesTests(t *testing.T) {
	text, _ := document(t, readmeFile)
	commands := testCommands(text)
	rows := guaranteeRows(text)
	assert.GreaterOrEqual(t, len(commands), 3)
	assert.GreaterOrEqual(t, len(rows), 10)
	list := goTestList(t)
	assert.Empty(t, commandFaults(commands, list))
	assert.Empty(t, rowFaults(rows, commands, list))
}

// Documents with a mistake are found out.
func TestREADME_namesTests_control(t *testing.T) {
	list := testList(func(folder string) []string {
		return map[string][]string{"./batch": {"TestContract_order", "FuzzParse"}, "./a/delivery": {"TestOrder"}}[folder]
	})
	good := "```sh\ngo test ./batch -run 'Contract|Fuzz'\ngo test ./a/delivery -run Order   # or another\ngo test -short work\n```\n" +
		"| **One** | `batch`, `delivery`: `Fuzz`, `Order` |\n| **Two** | `delivery` |\n"
	for name, c := range map[string]struct{ from, to, fault string }{
		"none":                       {"", "", ""},
		"an alternative of a table":  {"t|F", `t\|F`, `go test ./batch -run 'Contract\|Fuzz': a terminal finds no alternatives in it`},
		"a name that is gone":        {"-run Order", "-run Odd", `go test ./a/delivery -run Odd: "Odd" is in no test's name`},
		"one of two names":           {"Contract", "Contact", `go test ./batch -run 'Contact|Fuzz': "Contact" is in no test's name`},
		"a package that is gone":     {"test ./batch", "test ./bath", `go test ./bath -run 'Contract|Fuzz': "Contract" is in no test's name`},
		"a word of the table":        {"`Order`", "`Odd`", `delivery: "Odd" is in no test's name`},
		"a package without commands": {"| `delivery`", "| `deliver`", `deliver: no command has this package`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, c.from, c.to, 1)
			commands := testCommands(text)
			faults := append(commandFaults(commands, list), rowFaults(guaranteeRows(text), commands, list)...)
			if c.fault == "" {
				assert.Empty(t, faults)
				return
			}
			assert.True(t, slices.ContainsFunc(faults, func(f string) bool { return strings.HasSuffix(f, c.fault) }), "%q", faults)
		})
	}
}

// A testCommand is a go test as a document has it, without a comment behind it.
type testCommand struct {
	text     string
	packages []string
	pattern  string
}

// testCommands returns the commands of lines and of text in backquotes that run some tests.
func testCommands(document string) (list []testCommand) {
	for _, m := range regexp.MustCompile("(?m)(?:^|`)(go test [^`\n]*)").FindAllStringSubmatch(document, -1) {
		text, _, _ := strings.Cut(m[1], "  #")
		text = strings.TrimSpace(text)
		packages, pattern, _ := strings.Cut(strings.TrimPrefix(text, "go test "), " -run ")
		c := testCommand{text, strings.Fields(packages), strings.Trim(pattern, "'")}
		if slices.ContainsFunc(c.packages, func(p string) bool { return !strings.HasPrefix(p, "./") }) {
			continue // all tests, or with a flag
		}
		list = append(list, c)
	}
	return list
}

func commandFaults(commands []testCommand, list testList) (faults []string) {
	for _, c := range commands {
		if strings.Contains(c.pattern, `\|`) {
			faults = append(faults, c.text+": a terminal finds no alternatives in it")
			continue
		}
		for word := range strings.SplitSeq(c.pattern, "|") {
			faults = append(faults, nameFaults(c.text, c.packages, word, list)...)
		}
	}
	return faults
}

// nameFaults reports a word that is in no name of the packages' tests.
func nameFaults(where string, packages []string, word string, list testList) []string {
	for _, p := range packages {
		if slices.ContainsFunc(list(p), func(name string) bool { return strings.Contains(name, word) }) {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %q is in no test's name", where, word)}
}

// A guaranteeRow is the right cell of a row about a guarantee: packages, and behind a
// colon words in the names of their tests.
type guaranteeRow struct{ packages, words []string }

func guaranteeRows(document string) (rows []guaranteeRow) {
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, m := range regexp.MustCompile(`(?m)^\| \*\*.*\| ([^|]*) \|$`).FindAllStringSubmatch(document, -1) {
		packages, words, _ := strings.Cut(m[1], ":")
		var row guaranteeRow
		for _, name := range quoted.FindAllStringSubmatch(packages, -1) {
			row.packages = append(row.packages, name[1])
		}
		for _, word := range quoted.FindAllStringSubmatch(words, -1) {
			row.words = append(row.words, word[1])
		}
		rows = append(rows, row)
	}
	return rows
}

func rowFaults(rows []guaranteeRow, commands []testCommand, list testList) (faults []string) {
	for _, row := range rows {
		where := strings.Join(row.packages, ", ")
		var folders []string
		for _, name := range row.packages {
			folder := folderOf(name, commands, list)
			if folder == "" {
				faults = append(faults, name+": no command has this package")
				continue
			}
			folders = append(folders, folder)
		}
		if len(row.words) == 0 {
			row.words = []string{""} // any test
		}
		for _, word := range row.words {
			faults = append(faults, nameFaults(where, folders, word, list)...)
		}
	}
	return faults
}

// folderOf finds the package that a row names by its last element, or by its path.
func folderOf(name string, commands []testCommand, list testList) string {
	for _, c := range commands {
		for _, p := range c.packages {
			if path.Base(p) == name {
				return p
			}
		}
	}
	if folder := "./" + name; list(folder) != nil {
		return folder
	}
	return ""
}
