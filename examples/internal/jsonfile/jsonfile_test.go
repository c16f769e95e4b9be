package jsonfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One value is read. Whatever is not understood is a mistake, which is not quoted.
func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1}`:         "",
		" {\"a\":1}\n\n":  "",
		`{"a":1,"b":"Z"}`: `unknown field "b"`,
		`{"a":1} {"a":2}`: "something follows the JSON value, which ends at byte 7",
		`{"a":1}}`:        "something follows the JSON value, which ends at byte 7",
		`{"a":1} "Z`:      "something follows the JSON value, which ends at byte 7",
		`{"a":Z}`:         "no valid JSON at byte 6",
		`{"a":`:           "unexpected EOF",
		``:                "EOF",
		`{"a":"Z"}`:       "cannot unmarshal string",
	} {
		path := filepath.Join(t.TempDir(), "file.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		var read struct {
			A int `json:"a"`
		}
		err := Read(path, &read)
		if want == "" {
			assert.NoError(t, err, text)
			assert.Equal(t, 1, read.A)
			continue
		}
		assert.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "Z")
	}
	assert.ErrorIs(t, Read(filepath.Join(t.TempDir(), "none"), nil), os.ErrNotExist)
}
