package bench

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The code is told with and without git.
func TestCodeAt(t *testing.T) {
	const repository = "../../../../.."
	c, err := codeAt(t.Context(), repository)
	require.NoError(t, err)
	assert.NotEmpty(t, c.HotPath)
	if _, err := exec.LookPath("git"); err == nil {
		if _, err := os.Stat(filepath.Join(repository, ".git")); err == nil {
			assert.Regexp(t, "^[0-9a-f]{12}$", c.Commit)
		}
	}
	require.NoError(t, stillCode(c, repository))

	without, err := codeAt(withoutGit(t), repository)
	require.NoError(t, err)
	assert.Equal(t, c.HotPath, without.HotPath)
	assert.Empty(t, without.Commit)

	_, err = codeAt(t.Context(), t.TempDir())
	assert.ErrorContains(t, err, "run it in forwarder/forwardertest/peers")
}

// withoutGit has no git to be found.
func withoutGit(t *testing.T) context.Context {
	t.Setenv("PATH", t.TempDir())
	return t.Context()
}

// A run of code that was edited meanwhile is none.
func TestStillCode_edited(t *testing.T) {
	const repository = "../../../../.."
	c, err := codeAt(t.Context(), repository)
	require.NoError(t, err)
	c.HotPath = maps.Clone(c.HotPath)
	c.HotPath["batch/parse.go"] = "000000000000"
	err = stillCode(c, repository)
	require.ErrorIs(t, err, errCodeChanged)
	assert.ErrorContains(t, err, "batch/parse.go")
}
