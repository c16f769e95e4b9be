package spool

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	patience = time.Minute
	tick     = 5 * time.Millisecond
)

// setVersion makes the control file one of a newer format.
func setVersion(t *testing.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name) //nolint:gosec // in a folder of the test
	require.NoError(t, err)
	for _, at := range []int{0, len(data) / 2} { // its two halves
		data[at+8] = 99
	}
	require.NoError(t, os.WriteFile(name, data, 0o600))
}

// hashes returns one for each file of dir.
func hashes(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	all := map[string][32]byte{}
	for _, name := range files {
		data, err := os.ReadFile(name) //nolint:gosec // in a folder of the test
		require.NoError(t, err)
		all[name] = sha256.Sum256(data)
	}
	return all
}
