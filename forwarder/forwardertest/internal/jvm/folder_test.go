package jvm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFolder_leftovers(t *testing.T) {
	needUnix(t)
	base := t.TempDir()
	newFolder := func() *Folder {
		f, err := NewFolder(base, "run")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(f.Path, "data"), nil, 0o600))
		return f
	}
	live := newFolder()
	dead := newFolder()
	require.NoError(t, dead.lock.Close()) // as the end of the process does
	half := newFolder()
	require.NoError(t, half.lock.Close())
	require.NoError(t, os.Remove(filepath.Join(half.Path, lockFile)))
	other := filepath.Join(base, "running") // begins alike
	require.NoError(t, os.Mkdir(other, 0o700))

	last := newFolder()
	assert.DirExists(t, live.Path)
	assert.NoDirExists(t, dead.Path)
	assert.NoDirExists(t, half.Path)
	assert.DirExists(t, other)
	require.NoError(t, live.Remove())
	require.NoError(t, last.Remove())
	require.NoError(t, last.Remove(), "a second time")
	left, err := os.ReadDir(base)
	require.NoError(t, err)
	assert.Len(t, left, 1, "only what is not ours")
}
