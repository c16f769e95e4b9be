package results_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/hotpath"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

// Readers learn which code was measured, and the file keeps what tells it apart.
func TestCode(t *testing.T) {
	sources := hotpath.Sources{"batch/parse.go": "0123456789ab", "forwarder/call.go": "ba9876543210"}
	for want, c := range map[string]results.Code{
		"":                              {},
		"2 files on the way of a batch": {HotPath: sources},
		"commit abc; 2 files on the way of a batch":              {Commit: "abc", HotPath: sources},
		"commit abc with changes; 2 files on the way of a batch": {Commit: "abc", Changed: true, HotPath: sources},
	} {
		assert.Equal(t, want, c.String())
		r := madeUp()
		r.Code = c
		if want == "" {
			assert.Contains(t, r.Markdown(), "| 3.1 % | – |\n")
		} else {
			assert.Contains(t, r.Markdown(), "| 3.1 % | "+want+" |\n")
		}
		file := filepath.Join(t.TempDir(), "run.json.gz")
		require.NoError(t, r.Save(file))
		again, err := results.Load(file)
		require.NoError(t, err)
		assert.Equal(t, c, again.Code)
	}
}
