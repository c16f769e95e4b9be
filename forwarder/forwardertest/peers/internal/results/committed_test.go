package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Readers are shown what the numbers make.
func TestCommitted(t *testing.T) {
	const folder = "../../results"
	runs, err := LoadAll(filepath.Join(folder, "runs"))
	require.NoError(t, err)
	var size int64
	for _, run := range runs {
		assert.False(t, run.Quick, "a quick run is no result")
		require.NoError(t, run.CheckNoise())
		file, err := os.Stat(filepath.Join(folder, "runs", run.FileName()))
		require.NoError(t, err)
		size += file.Size()
	}
	assert.Less(t, size, int64(300_000))
	r := Together(runs)

	files := r.Plots()
	files["results.md"] = r.Markdown()
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		assert.Equal(t, want, string(got), "%s: go run . -render", name)
	}

	for _, name := range []string{"../../README.md", "../../../../../README.md"} {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		_, rest, ok := strings.Cut(string(data), "<!-- next to other producers -->\n")
		require.True(t, ok, "%s has no mark", name)
		got, _, ok := strings.Cut(rest, "<!-- /next to other producers -->\n")
		require.True(t, ok, "%s has no end mark", name)
		assert.Equal(t, r.Summary(), got, "%s: go run . -render prints it", name)
	}
}
