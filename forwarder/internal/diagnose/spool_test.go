package diagnose

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/settings"
)

func spoolChecks(t *testing.T, dir string, most int64) []Check {
	t.Helper()
	var r run
	r.spool(t.Context(), settings.Spool{Dir: dir, MaxBytes: most})
	return r.main.checks
}

// TestSpool: a folder that is not there is not made; one that is in use is told, and
// left as it is.
func TestSpool(t *testing.T) {
	assert.Empty(t, spoolChecks(t, "", 0), "no spool is asked for")

	dir := filepath.Join(t.TempDir(), "spool")
	checks := spoolChecks(t, dir, 1<<20)
	require.Len(t, checks, 3)
	assert.Equal(t, dir+" is not there yet: the first start makes it", checks[0].Found)
	assert.Equal(t, Skipped, checks[2].Status)
	assert.NoDirExists(t, dir)

	folder, err := disk.OpenDir(dir)
	require.NoError(t, err)
	checks = spoolChecks(t, dir, 1<<20)
	assert.Equal(t, Warning, checks[0].Status)
	assert.Contains(t, checks[0].Found, " is in use")
	require.NoError(t, folder.Close())

	checks = spoolChecks(t, dir, 1<<20)
	assert.Equal(t, dir+", not in use", checks[0].Found)
	assert.NotEqual(t, Skipped, checks[2].Status, checks[2].Found)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	checks = spoolChecks(t, filepath.Join(dir, "file"), 1<<20)
	assert.Equal(t, Failed, checks[0].Status)
	assert.Equal(t, "let this user make, read and write the folder spool.dir, on a local disk", checks[0].Do)
	assert.Equal(t, "needs spool folder, which failed", checks[1].Found)
}

func TestSpaceFinding(t *testing.T) {
	const gib = 1 << 30
	assert.Equal(t, fine("its files take 2 GiB, 8 GiB free, spool.max_bytes is 10 GiB"), spaceFinding(disk.Examination{Used: 2 * gib, Free: 8 * gib}, 10*gib))
	assert.Equal(t, Warning, spaceFinding(disk.Examination{Used: 2 * gib, Free: 8*gib - 1}, 10*gib).status)
	assert.Equal(t, Skipped, spaceFinding(disk.Examination{Free: -1}, gib).status)
	assert.Equal(t, "1.5 KiB", bytesText(1536))
	assert.Equal(t, "17 B", bytesText(17))
}

func TestSyncFinding(t *testing.T) {
	assert.Equal(t, fine("1.23ms"), syncFinding(disk.Examination{Sync: 1_234_000}))
	assert.Equal(t, Warning, syncFinding(disk.Examination{Sync: 21 * time.Millisecond}).status)
	assert.Equal(t, Skipped, syncFinding(disk.Examination{Locked: true}).status)
}
