package replay

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// On a terminal there is a bar with the part that is done, bytes and rate, and beside it
// what a line has.
func TestBar(t *testing.T) {
	var out bytes.Buffer
	r := &replay{archive: &archive{paths: []string{"a", "b"}, total: 2_000_000}, bad: &badFile{}}
	show := r.bar(&out)
	r.files.Store(1)
	r.stored.Store(7)
	r.done.passed.Store(500_000) // of a former Run
	r.done.read.Store(500_000)
	show(false)
	for _, part := range []string{"1 of 2 files, 7 batches, 0 bad", "33%", "(500 kB/1.5 MB, ", "B/s)"} {
		assert.Contains(t, out.String(), part)
	}
	r.done.read.Store(1_500_000)
	show(true)
	assert.Contains(t, out.String(), "100%")
	assert.Equal(t, byte('\n'), out.Bytes()[out.Len()-1])
}

// A file that is no terminal gets lines, and no bar.
func TestRun_progressInFile(t *testing.T) {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer log.Close()
	_, err = newFakeSpool().replay(t.Context(), Options{
		Bad: filepath.Join(t.TempDir(), "bad"), Files: fstest.MapFS{"f": {Data: []byte("{}\n{}\n")}}, Progress: log,
	}, 10)
	require.NoError(t, err)
	text, err := os.ReadFile(log.Name())
	require.NoError(t, err)
	assert.Regexp(t, `^replay: 1 of 1 files, 2 batches, 0 bad, 6 of 6 bytes, [^\r\n]*\n$`, string(text))
}
