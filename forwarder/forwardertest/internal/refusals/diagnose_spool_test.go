package refusals

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
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
