// Package examples_test tests the documents: the code that they show compiles,
// and the commands that they show work.
package examples_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The documents with blocks of code.
const (
	readmeFile = "../README.md"
	kitFile    = "../forwarder/forwardertest/README.md"
	brokerFile = "broker/README.md"
)

// A block is one fenced block of a document.
type block struct {
	language, text string
	line           int
}

func document(t *testing.T, file string) (text string, blocks []block) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var open *block
	for i, line := range strings.Split(string(data), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &block{language: fence, line: i + 1}
		case isFence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	require.Nil(t, open, "a block of %s has no end", file)
	return string(data), blocks
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	require.NoError(t, err)
	return dir
}

// packages are those that a block of Go may use.
var packages = map[string]string{
	"context": "context", "os": "os", "slog": "log/slog",
	"batch":     "github.com/eventferry/eventferry/batch",
	"forwarder": "github.com/eventferry/eventferry/forwarder",
	"settings":  "github.com/eventferry/eventferry/settings",
}

// program makes a program of a block: a block without a package clause is the
// inside of a function.
func program(text string) string {
	if strings.HasPrefix(text, "package ") {
		return text
	}
	used := map[string]bool{"context": true, "settings": true}
	for _, m := range regexp.MustCompile(`\b([a-z]+)\.[A-Z]`).FindAllStringSubmatch(text, -1) {
		used[m[1]] = packages[m[1]] != ""
	}
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n")
	for name, path := range packages {
		if used[name] {
			fmt.Fprintf(&b, "\t%q\n", path)
		}
	}
	b.WriteString(")\n\nfunc main() { _ = block }\n\n")
	b.WriteString("func block(ctx context.Context, s settings.Settings, data []byte) error {\n" + text + "\t_, _ = f, err\n\treturn nil\n}\n")
	return b.String()
}

// inWorkspace makes cmd run where the README's readers are, also if this module
// is tested alone.
func inWorkspace(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Dir = root(t)
	cmd.Env = append(cmd.Environ(), "GOWORK="+filepath.Join(cmd.Dir, "go.work"))
}

func TestREADME_goCompiles(t *testing.T) {
	_, blocks := document(t, readmeFile)
	overlay := map[string]map[string]string{"Replace": {}}
	var dirs []string
	for _, b := range blocks {
		if b.language != "go" {
			continue
		}
		file := filepath.Join(t.TempDir(), "main.go")
		require.NoError(t, os.WriteFile(file, []byte(program(b.text)), 0o600))
		name := "readme-line-" + strconv.Itoa(b.line)
		overlay["Replace"][filepath.Join(root(t), name, "main.go")] = file
		dirs = append(dirs, "./"+name)
	}
	require.NotEmpty(t, dirs)
	data, err := json.Marshal(overlay)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-o", t.TempDir(), "-overlay", file}, dirs...)...)
	inWorkspace(t, cmd)
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

// The README stays short enough to be read: what is longer has a file of its own.
func TestREADME_size(t *testing.T) {
	text, _ := document(t, readmeFile)
	assert.Less(t, len(text), 20_000)
}

// The blocks of the recipe are the files that a test starts Apache Kafka from.
func TestBroker_recipe(t *testing.T) {
	_, blocks := document(t, brokerFile)
	for _, name := range []string{"make-keys.sh", "jaas.conf", "server.properties"} {
		file, err := os.ReadFile(filepath.Join("..", "forwarder", "forwardertest", "apachekafka", "recipe", name))
		require.NoError(t, err)
		assert.True(t, slices.ContainsFunc(blocks, func(b block) bool { return b.text == string(file) }),
			"%s has no block equal to %s", brokerFile, name)
	}
}
