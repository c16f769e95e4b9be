package peer

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCalled(t *testing.T) {
	for name, want := range map[string]string{"engine": Engine, Engine: Engine, "franz0": Franz, Franz: Franz, Forward: Forward, "unknown": ""} {
		got, ok := Called(name)
		assert.Equal(t, want, got, name)
		assert.Equal(t, want != "", ok, name)
	}
}
