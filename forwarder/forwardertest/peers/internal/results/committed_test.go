package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is shown to readers is what the numbers make, not what somebody wrote.
func TestCommitted(t *testing.T) {
	const folder = "../../results"
	r, err := Load(filepath.Join(folder, "results.json"))
	require.NoError(t, err)
	assert.False(t, r.Quick, "a quick run is no result")

	files := r.Plots()
	files["results.md"] = r.Markdown()
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		assert.Equal(t, want, string(got), "%s: go run . -render", name)
	}

	readme, err := os.ReadFile("../../../../../README.md")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(r.Summary()), "\n")
	assert.Len(t, lines, 6)
	for _, line := range lines {
		assert.Contains(t, string(readme), line)
	}
}
