package refused

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChoice(t *testing.T) {
	var c Choice
	assert.False(t, c.Any())
	assert.False(t, c.has(7))
	require.NoError(t, c.Set("7, 9"))
	assert.True(t, c.Any())
	assert.True(t, c.has(7))
	assert.False(t, c.has(8))
	assert.Equal(t, "7,9", c.String())
	require.NoError(t, c.Set("all"))
	assert.True(t, c.has(8))
	assert.Equal(t, "all", c.String())
	for _, wrong := range []string{"", "7,", "-1", "ALL", "1-3", "all,7"} {
		assert.ErrorContains(t, c.Set(wrong), "give all, or the numbers", wrong)
	}
}
