package main

import (
	"debug/elf"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The gateway is a service of less than 300 lines, all of them counted: the rest is
// the library, and what it shares with the other examples.
func TestProgram_size(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	lines := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		lines += strings.Count(string(text), "\n")
	}
	assert.Positive(t, lines)
	assert.Less(t, lines, 300)
}

// The configuration in README.md is one, and its table has all members.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "```json\n")
	example, rest, _ := strings.Cut(rest, "```")
	file := filepath.Join(t.TempDir(), "gateway.json")
	require.NoError(t, os.WriteFile(file, []byte(example), 0o600))
	t.Setenv("EVENTFERRY_PASSWORD", "secret")
	t.Setenv("GATEWAY_SECRET_hook", "Bearer one")
	var c config
	require.NoError(t, c.read(file))
	assert.Equal(t, "Bearer one", c.Feeds[0].Secrets[0].Reveal())
	assert.NoError(t, c.Settings.Validate())
	for member := range reflect.TypeFor[config]().Fields() {
		assert.Contains(t, rest, "`"+member.Tag.Get("json")+"`")
	}
}

// The program is one file that needs no other: it runs in an image without a C library.
func TestProgram_static(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("1 test skipped: it looks into a Linux binary")
	}
	f, err := elf.Open(binary)
	require.NoError(t, err)
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	require.NoError(t, err)
	assert.Empty(t, libraries)
	for _, p := range f.Progs {
		assert.NotEqual(t, elf.PT_INTERP, p.Type)
	}
}
