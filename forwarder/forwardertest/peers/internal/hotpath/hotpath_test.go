package hotpath

import (
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const source = "package engine\n\nfunc twice(n int) int { return 2 * n }\n"

// madeUp is a repository of few files.
func madeUp() fstest.MapFS {
	return fstest.MapFS{
		"batch/parse.go":      {Data: []byte("package batch\n\nvar limit = 3\n")},
		"batch/parse_test.go": {Data: []byte("package batch\n")},
		"batch/print.go":      {Data: []byte("package batch\n\nvar width = 80\n")},
		"engine/twice.go":     {Data: []byte(source)},
		"engine/README.md":    {Data: []byte("# Twice\n")},
		"connect/broker.go":   {Data: []byte("package connect\n\nvar open = 1\n")},
		"connect/text.go":     {Data: []byte("package connect\n\nvar text = 1\n")},
	}
}

func readMadeUp(t *testing.T, repository fstest.MapFS) Sources {
	t.Helper()
	s, err := read(repository, []string{"batch", "engine"}, []string{"connect/broker.go"}, []string{"batch/print.go"})
	require.NoError(t, err)
	return s
}

func TestRead(t *testing.T) {
	s := readMadeUp(t, madeUp())
	assert.Equal(t, []string{"batch/parse.go", "connect/broker.go", "engine/twice.go"}, slices.Sorted(maps.Keys(s)))
	assert.NotEqual(t, s["batch/parse.go"], s["engine/twice.go"])
	assert.Empty(t, s.Changed(readMadeUp(t, madeUp())))
}

// What the compiler sees counts, wherever it is.
func TestChanged(t *testing.T) {
	for name, tc := range map[string]struct {
		path, text string
		want       []string
	}{
		"a number":                {"engine/twice.go", "package engine\n\nfunc twice(n int) int { return 3 * n }\n", []string{"engine/twice.go"}},
		"a name":                  {"engine/twice.go", "package engine\n\nfunc twice(m int) int { return 2 * m }\n", []string{"engine/twice.go"}},
		"a text":                  {"batch/parse.go", "package batch\n\nvar limit = \"3\"\n", []string{"batch/parse.go"}},
		"an operator":             {"engine/twice.go", "package engine\n\nfunc twice(n int) int { return 2 + n }\n", []string{"engine/twice.go"}},
		"a directive":             {"engine/twice.go", "package engine\n\n//go:noinline\nfunc twice(n int) int { return 2 * n }\n", []string{"engine/twice.go"}},
		"a constraint":            {"engine/twice.go", "//go:build unix\n\n" + source, []string{"engine/twice.go"}},
		"a comment":               {"engine/twice.go", "// Package engine computes.\npackage engine\n\n// twice doubles.\nfunc twice(n int) int { return 2 * n /* exactly */ }\n", nil},
		"a comment of three":      {"engine/twice.go", "package engine\n\n// It\n// doubles\n// n.\nfunc twice(n int) int { return 2 * n }\n", nil},
		"layout":                  {"engine/twice.go", "package engine\n\nfunc twice(n int) int {\n\n\treturn 2 * n;\n}\n", []string{"engine/twice.go"}}, // a semicolon more
		"blank lines":             {"engine/twice.go", "package   engine\n\n\n\nfunc twice(n int) int { return 2*n }\n", nil},
		"a test":                  {"batch/parse_test.go", "package batch\n\nvar x = 1\n", nil},
		"a new file":              {"engine/thrice.go", "package engine\n", []string{"engine/thrice.go"}},
		"a new test":              {"engine/thrice_test.go", "package engine\n", nil},
		"one that does not count": {"batch/print.go", "package batch\n\nvar width = 81\n", nil},
		"a single file":           {"connect/broker.go", "package connect\n\nvar open = 2\n", []string{"connect/broker.go"}},
		"one beside it":           {"connect/text.go", "package connect\n\nvar text = 2\n", nil},
		"a document":              {"engine/README.md", "# Thrice\n", nil},
	} {
		changed := madeUp()
		changed[tc.path] = &fstest.MapFile{Data: []byte(tc.text)}
		assert.Equal(t, tc.want, readMadeUp(t, madeUp()).Changed(readMadeUp(t, changed)), name)
	}
	less := madeUp()
	delete(less, "engine/twice.go")
	assert.Equal(t, []string{"engine/twice.go"}, readMadeUp(t, madeUp()).Changed(readMadeUp(t, less)), "a file that is gone")
}

func TestRead_fails(t *testing.T) {
	_, err := read(madeUp(), []string{"forwarder"}, nil, nil)
	assert.ErrorContains(t, err, "forwarder", "a folder that was renamed")
	_, err = read(madeUp(), nil, []string{"connect/gone.go"}, nil)
	assert.ErrorContains(t, err, "connect/gone.go", "a single file that was renamed")
	_, err = read(madeUp(), []string{"batch"}, nil, []string{"batch/print.go", "batch/gone.go"})
	assert.ErrorContains(t, err, "batch/gone.go is listed")
	broken := madeUp()
	broken["batch/parse.go"] = &fstest.MapFile{Data: []byte("package batch\n\nvar x = 'ab\n")}
	_, err = read(broken, []string{"batch"}, nil, nil)
	assert.ErrorContains(t, err, "batch/parse.go")
}

// The lists are those of this repository.
func TestRead_repository(t *testing.T) {
	s, err := Read("../../../../..")
	require.NoError(t, err)
	for _, name := range []string{"batch/parse.go", "forwarder/switches.go", "forwarder/call.go", "forwarder/internal/engine/worker_request.go", "forwarder/receiver/webhook.go"} {
		assert.Contains(t, s, name)
	}
	assert.NotContains(t, s, "forwarder/spool_use.go")
	assert.Greater(t, len(s), 80)
}
