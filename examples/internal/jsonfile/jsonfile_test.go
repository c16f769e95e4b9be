package jsonfile

import (
	"net/netip"
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
		`{"a":1,"b":"Z"}`: `unknown member "b": there are a, list, name, prefixes`,
		`{"a":1} {"a":2}`: "something follows the JSON value, which ends at byte 7",
		`{"a":1}}`:        "something follows the JSON value, which ends at byte 7",
		`{"a":1} "Z`:      "something follows the JSON value, which ends at byte 7",
		`{"a":Z}`:         "no valid JSON at byte 6",
		`{"a":`:           "unexpected EOF",
		``:                "EOF",
		`{"a":"Z"}`:       "a: is a JSON string: it must be a number",
		`["Z"]`:           "it is a JSON array: it must be an object",

		`{"a":1,"list":"Z"}`:           "list: is a JSON string: it must be a list",
		`{"a":1,"list":[{"x":["Z"]}]}`: "list.x: is a JSON array: it must be true or false",
		`{"a":1,"list":[{"y":"Z"}]}`:   `list: unknown field "y"`,
		`{"a":1,"name":7}`:             "name: is a JSON number: it must be a string",
		`{"a":1e999}`:                  "a: is a JSON number: it must be one that fits",
		`{"a":"Z","name":7}`:           "a: is a JSON string: it must be a number\nname: is a JSON number",
		`{"a":1,"prefixes":[7]}`:       "prefixes: is a JSON number: it must be a string",
		`{"a":1,"prefixes":["10"]}`:    "prefixes: netip.ParsePrefix",
	} {
		path := filepath.Join(t.TempDir(), "file.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		var read struct {
			A        int            `json:"a"`
			Name     string         `json:"name"`
			Prefixes []netip.Prefix `json:"prefixes"`
			List     []struct {
				X bool `json:"x"`
			} `json:"list"`
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
