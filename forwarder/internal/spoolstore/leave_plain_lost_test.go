package spoolstore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// A folder that was closed without segments of the newer format notices the loss of a file like
// any other folder, and gives no number again.
func TestClose_plainFolderThatLosesAFile(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *disktest.Disk, string){
		"missing": func(t *testing.T, d *disktest.Disk, file string) {
			t.Helper()
			require.NoError(t, d.Remove(file))
		},
		"zeroed": func(_ *testing.T, d *disktest.Disk, file string) { clear(d.Bytes(file)) },
	} {
		for _, file := range []string{controlName, tagsName} {
			t.Run(name+" "+file, func(t *testing.T) {
				d := disktest.New(1)
				s, last := afterWindows(t, d)
				stop(t, s)
				lose(t, d, file)
				s = open(t, d, small())
				assert.Contains(t, s.Damage(), Damage{File: file, Offset: -1})
				assert.Equal(t, file == controlName, s.AllDoubtful())
				assert.Empty(t, pending(t, s))
				assert.Greater(t, store(t, s, "later"), last)
			})
		}
	}
}

// What was delivered before does not come back when the control file of such a folder is lost: no
// segment gets a sequence number again, by which the frames of its former life would count.
func TestClose_plainFolderThatLosesItsControlFile_revivesNothing(t *testing.T) {
	d := disktest.New(1)
	s, _ := afterWindows(t, d)
	stop(t, s)
	require.NoError(t, d.Remove(controlName))
	s, err := Open(d, small())
	require.NoError(t, err)
	added(t, s, waits(1, "waits")) // as long as the first one that was delivered
	s = open(t, crash(t, d, s), small())
	assert.Equal(t, []string{"waits"}, pending(t, s))
}
