package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExamine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	e, err := Examine(path)
	require.NoError(t, err)
	assert.True(t, e.Missing)
	assert.NoDirExists(t, path, "it makes none")
	if runtime.GOOS == "linux" {
		assert.Positive(t, e.Free)
	}

	folder, err := OpenDir(path)
	require.NoError(t, err)
	f, err := folder.Create("queue", 5000)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	e, err = Examine(path)
	require.NoError(t, err)
	if runtime.GOOS == "linux" {
		assert.True(t, e.Locked)
	}
	assert.Equal(t, int64(5000), e.Used)

	require.NoError(t, folder.Close())
	e, err = Examine(path)
	require.NoError(t, err)
	assert.False(t, e.Locked)
	assert.False(t, e.Missing)
	assert.Positive(t, e.Sync)
	folder, err = OpenDir(path)
	require.NoError(t, err, "the lock is free again")
	names, err := folder.List()
	require.NoError(t, err)
	assert.Equal(t, []string{"queue"}, names, "its own file is gone")
	require.NoError(t, folder.Close())

	e, err = Examine(filepath.Join(path, "more", "c"))
	require.NoError(t, err)
	assert.True(t, e.Missing)
	trials, err := filepath.Glob(filepath.Join(path, "examined-*"))
	require.NoError(t, err)
	assert.Empty(t, trials, "the folder of the trial is gone")

	_, err = Examine(filepath.Join(path, "queue"))
	assert.ErrorIs(t, err, errNoFolder)
	_, err = Examine(filepath.Join(path, "queue", "c"))
	assert.ErrorIs(t, err, syscall.ENOTDIR)
}

// A file system that takes no folder is told, also to a user with all rights.
func TestExamine_takesNoFolder(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	_, err := Examine("/proc/eventferry/queue")
	assert.Error(t, err)
}

// A folder that cannot be made, or not be written to, is told.
func TestExamine_refused(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS != "linux" {
		t.Skip("this user may write everywhere")
	}
	path := t.TempDir()
	require.NoError(t, os.Chmod(path, 0o500)) //nolint:gosec // a folder
	_, err := Examine(filepath.Join(path, "a"))
	assert.ErrorIs(t, err, fs.ErrPermission)
	_, err = Examine(path)
	assert.ErrorIs(t, err, fs.ErrPermission)
}
