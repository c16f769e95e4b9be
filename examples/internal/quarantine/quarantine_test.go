package quarantine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/receiver"
)

// Each body has a file, and a folder that is not there is an error.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		require.NoError(t, Folder(dir)(t.Context(), receiver.Quarantined{Feed: "../hook", Body: []byte("oops")}))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*-hook-*.json"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		assert.Equal(t, "oops", string(text))
	}
	assert.ErrorIs(t, Folder(filepath.Join(dir, "none"))(t.Context(), receiver.Quarantined{}), os.ErrNotExist)
}

// What cannot be written leaves no file that looks like a body.
func TestFolder_failedWrite(t *testing.T) {
	f, err := os.Open(os.DevNull) // to read: it takes no write
	require.NoError(t, err)
	assert.Error(t, keep(f, []byte("oops")))
	assert.ErrorIs(t, f.Close(), os.ErrClosed)
}
