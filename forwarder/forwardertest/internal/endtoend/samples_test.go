package endtoend

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

// samples: mParticle's own batches arrive byte for byte when nothing is
// switched off.
func (k target) samples(t *testing.T) {
	data := os.Getenv("EVENTFERRY_TESTDATA")
	if data == "" {
		t.Skip("EVENTFERRY_TESTDATA is not set: no sample batches to forward")
	}
	var texts []string
	require.NoError(t, filepath.WalkDir(filepath.Join(data, "batches"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" && filepath.Ext(path) != ".ndjson" {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		for b, err := range batch.Read(file, 1<<20) {
			if err != nil {
				break // a part of a batch
			}
			if allForwarded(b) {
				texts = append(texts, string(b.AppendJSON(nil)))
			}
		}
		return nil
	}))
	require.GreaterOrEqual(t, len(texts), 10)
	s := k.settings(t, 3)
	everything(&s)
	forward(t, start(t, s), texts...)
	assert.ElementsMatch(t, texts, values(read(t, s)))
	t.Logf("%d batches", len(texts))
}

func allForwarded(b *batch.Batch) bool {
	for _, e := range b.Events() {
		if !batch.IsForwarded(e.Type()) {
			return false
		}
	}
	return true
}
