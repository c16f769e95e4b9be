package batch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What came after the notes about a group were made is edited like them.
func TestAll_editsSeeNewSiblings(t *testing.T) {
	b := parsed(t, `{"x":{"o":{"a":1,"b":1}},"x":{}}`)
	for name, v := range b.At("x", "o").All() {
		require.NoError(t, v.Set(2))
		if name == "b" {
			continue
		}
		for _, x := range b.At().All() {
			require.NoError(t, x.At("o", "b").Set(3))
		}
	}
	assert.Equal(t, `{"x":{"o":{"a":2,"b":2}},"x":{"o":{}}}`, string(b.AppendJSON(nil)))
}

func TestAll_editsWhatWasAdded(t *testing.T) {
	for text, want := range map[string]string{
		`{"o":{"a":1,"b":1,"b":1}}`:       `{"o":{"a":2,"b":4}}`,
		`{"o":{"a":1},"o":{"b":1,"b":1}}`: `{"o":{"a":2},"o":{"b":4}}`,
	} {
		b := parsed(t, text)
		for name, v := range b.At("o").All() {
			switch name {
			case "a":
				require.NoError(t, v.Set(2))
				require.NoError(t, b.At("o", "b").Remove())
				require.NoError(t, b.At("o", "b").Set(3))
				require.NoError(t, b.At("o", "c").Set(3))
			case "b":
				require.NoError(t, v.Set(4))
			default:
				require.NoError(t, v.Remove())
			}
		}
		assert.Equal(t, want, string(b.AppendJSON(nil)))
	}
}
