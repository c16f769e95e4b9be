package refusals

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// TestDiagnose_spool: the folder is looked at before the first start, beside a
// forwarder that uses it, and after that one.
func TestDiagnose_spool(t *testing.T) {
	s := forwardertest.NewKafka(t).Settings()
	s.Spool.Dir = filepath.Join(t.TempDir(), "spool")
	s.Spool.MaxBytes = 64 << 20
	c := check(t, forwarder.Diagnose(t.Context(), s), "spool", "folder")
	assert.Equal(t, s.Spool.Dir+" is not there yet: the first start makes it", c.Found)

	f, err := forwarder.New(t.Context(), s)
	require.NoError(t, err)
	c = check(t, forwarder.Diagnose(t.Context(), s), "spool", "folder")
	assert.Equal(t, s.Spool.Dir+" is in use", c.Found)
	assert.Equal(t, forwarder.CheckWarning, c.Status)

	require.NoError(t, f.Close())
	report := forwarder.Diagnose(t.Context(), s)
	assert.Equal(t, s.Spool.Dir+", not in use", check(t, report, "spool", "folder").Found)
	assert.NotEqual(t, forwarder.CheckSkipped, check(t, report, "spool", "sync").Status)
	f, err = forwarder.New(t.Context(), s)
	require.NoError(t, err, "the folder is as it was")
	require.NoError(t, f.Close())
}

// TestDiagnose_windows: how many there may be, and a spool of the caller's that has too
// few segments for them, as New refuses it.
func TestDiagnose_windows(t *testing.T) {
	s := forwardertest.NewKafka(t).Settings()
	s.Spool.Window = 10 * time.Minute
	byDir := s
	byDir.Spool.Dir = filepath.Join(t.TempDir(), "spool")
	c := check(t, forwarder.Diagnose(t.Context(), byDir), "spool", "windows")
	assert.Equal(t, forwarder.CheckOK, c.Status)
	assert.Equal(t, "10m0s long, up to 47662 open, with up to 640 MiB of batches in them", c.Found)

	own, err := spool.Open(t.Context(), t.TempDir(), spool.Options{MaxBytes: 3 << 20, SegmentBytes: 1 << 20})
	require.NoError(t, err)
	defer own.Close()
	c = check(t, forwarder.Diagnose(t.Context(), s, forwarder.WithSpool(own)), "spool", "windows")
	assert.Equal(t, forwarder.CheckFailed, c.Status)
	assert.Equal(t, "the spool has room for 3 segments, and windows need 4", c.Found)
	_, err = forwarder.New(t.Context(), s, forwarder.WithSpool(own))
	require.ErrorContains(t, err, "windows need a spool of four segments at least: "+c.Do)
}
