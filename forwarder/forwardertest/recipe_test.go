package forwardertest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The README shows the files that ApacheDocumented starts a broker from, so
// that what it tells people is what the tests run.
func TestRecipe_readme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	files, err := fs.Glob(recipe, "recipe/*")
	require.NoError(t, err)
	assert.Len(t, files, 3)
	for _, file := range files {
		text, err := recipe.ReadFile(file)
		require.NoError(t, err)
		assert.Contains(t, string(readme), string(text), "README.md and %s differ", file)
	}
}
