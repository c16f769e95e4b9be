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
	r, err := Load(filepath.Join(folder, "results.json"))
	require.NoError(t, err)
	assert.False(t, r.Quick, "a quick run is no result")
	require.NoError(t, r.CheckNoise())
	size, err := os.Stat(filepath.Join(folder, "results.json"))
	require.NoError(t, err)
	assert.Less(t, size.Size(), int64(300_000))

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
