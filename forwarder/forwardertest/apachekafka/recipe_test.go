package apachekafka

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// examples/broker shows the files that WithDocumentedSetup starts a broker from,
// so that readers get what the tests run.
func TestRecipe_documented(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "broker", "README.md"))
	require.NoError(t, err)
	files, err := fs.Glob(recipe, "recipe/*")
	require.NoError(t, err)
	assert.Len(t, files, 3)
	for _, file := range files {
		text, err := recipe.ReadFile(file)
		require.NoError(t, err)
		assert.Contains(t, string(readme), string(text), "examples/broker/README.md and %s differ", file)
	}
}
