package batch

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Halves of surrogate pairs swallow nothing of what stands next to them.
func TestValue_textWithHalvesOfPairs(t *testing.T) {
	halves := []string{`\ud83d`, `\ude00`, `\u0041`, `x`, `\n`, `é`, `\uD83D`}
	for _, a := range halves {
		for _, b := range halves {
			for _, c := range append(halves, "") {
				quoted := `"` + a + b + c + `"`
				var want string
				require.NoError(t, json.Unmarshal([]byte(quoted), &want))
				batch, err := Parse([]byte(`{"a":` + quoted + `}`))
				require.NoError(t, err)
				text, ok := batch.At("a").Text()
				assert.True(t, ok)
				assert.Equal(t, want, text, quoted)
				assert.Equal(t, `{"a":`+quoted+`}`, string(batch.AppendJSON(nil)))
			}
		}
	}
}
