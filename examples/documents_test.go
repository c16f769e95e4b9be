package examples_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Links to files and folders of the repository lead somewhere.
func TestDocuments_links(t *testing.T) {
	files, err := filepath.Glob("../.github/*.md")
	require.NoError(t, err)
	files = append(files, readmeFile, kitFile, brokerFile, "../settings/README.md", "../forwarder/REFUSALS.md", "../forwarder/SPOOL.md", managedFile, "gateway/README.md",
		"../forwarder/forwardertest/peers/README.md")
	for _, file := range files {
		text, _ := document(t, file)
		for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			path, _, _ := strings.Cut(link[1], "#")
			if strings.Contains(path, "://") || path == "" {
				continue
			}
			_, err := os.Stat(filepath.Join(filepath.Dir(file), path))
			assert.NoError(t, err, "%s links to %s", file, link[1])
		}
	}
}

const managedFile = "README.md"

// Each row about a managed service names a test that there is.
func TestDocuments_managedServices(t *testing.T) {
	_, words := goFiles(t)
	text, _ := document(t, managedFile)
	rows := 0
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.Contains(line, "---") || strings.Contains(line, "Emulated by") {
			continue
		}
		rows++
		tests := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(cells[4], -1)
		assert.NotEmpty(t, tests, "%s", line)
		for _, name := range tests {
			assert.True(t, words[name[1]], "there is no %s", name[1])
		}
	}
	assert.GreaterOrEqual(t, rows, 10)
}

// Files and identifiers that the documents for maintainers name exist: a rename
// must not leave them behind.
func TestDocuments_names(t *testing.T) {
	files, words := goFiles(t)
	for _, name := range []string{"../.github/ARCHITECTURE.md", "../.github/CONTRIBUTING.md"} {
		text, _ := document(t, name)
		file := regexp.MustCompile(`[\w/.*-]*\w\.go\b`)
		for _, code := range regexp.MustCompile("`[^`\n]+`").FindAllString(text, -1) {
			for _, f := range file.FindAllString(code, -1) {
				assert.True(t, slices.ContainsFunc(files, func(path string) bool { return strings.HasSuffix(path, "/"+f) || matches("*/"+f, path) }),
					"%s: no file is named %s", name, f)
			}
			for _, word := range regexp.MustCompile(`[A-Za-z]\w*`).FindAllString(file.ReplaceAllString(code, ""), -1) {
				if camelCase.MatchString(word) && !strings.HasSuffix(word, "_") {
					assert.True(t, words[word], "%s: no Go file has the word %s", name, word)
				}
			}
		}
	}
}

// camelCase fits identifiers that are no ordinary words.
var camelCase = regexp.MustCompile(`^[A-Za-z][a-z]+[A-Z]\w*$`)

// matches reports whether a pattern fits the end of a path.
func matches(pattern, path string) bool {
	parts := strings.Count(pattern, "/")
	all := strings.Split(path, "/")
	ok, err := filepath.Match(pattern, strings.Join(all[max(0, len(all)-1-parts):], "/"))
	return ok && err == nil
}

// goFiles returns the Go files of the repository, and the words in them.
func goFiles(t *testing.T) (files []string, words map[string]bool) {
	t.Helper()
	words = map[string]bool{}
	word := regexp.MustCompile(`[A-Za-z]\w*`)
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		files = append(files, filepath.ToSlash(path))
		source, err := os.ReadFile(path)
		for _, w := range word.FindAllString(string(source), -1) {
			words[w] = true
		}
		return err
	}))
	return files, words
}

// Each package of the library has its room in ARCHITECTURE.
func TestArchitecture_rooms(t *testing.T) {
	text, _ := document(t, "../.github/ARCHITECTURE.md")
	files, _ := goFiles(t)
	for _, f := range files {
		dir := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(f, "../")))
		if strings.HasPrefix(dir, "examples") || strings.HasPrefix(dir, "forwarder/forwardertest/") || strings.HasPrefix(dir, ".") {
			continue // modules of their own, and tools
		}
		named := strings.Contains(text, "`"+dir+"`") || strings.Contains(text, "`"+filepath.Base(dir)+"`")
		assert.True(t, named, "no room is named %s", dir)
	}
}
